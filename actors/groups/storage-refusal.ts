import { ProtocolError } from '../../protocol/index.js';
import { StorageError } from '../../storage/index.js';

/** What storage could not do, as a client is told it; a programmer's error as it is. */
export function storageRefusal(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  const { code, message } = error;
  switch (code) {
    case 'ERR_NOT_WRITTEN':
    case 'ERR_OUTCOME_UNKNOWN':
    case 'ERR_DISK_FULL':
    case 'ERR_STORAGE_UNAVAILABLE':
      return new ProtocolError(code, message, { cause: error });
    case 'ERR_STORAGE_CLOSED':
      return new ProtocolError('ERR_SHUTTING_DOWN', message, { cause: error });
    default:
      return error;
  }
}
