import { ProtocolError } from '../protocol/index.js';
import { StorageError } from '../storage/index.js';

/** What went wrong with an archive, as a client is told it. */
export function archiveFailure(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  const { code, message } = error;
  switch (code) {
    case 'ERR_SESSION_REMOVED':
      return new ProtocolError('ERR_UNKNOWN_SESSION', message, { cause: error });
    case 'ERR_STORAGE_CLOSED':
      return new ProtocolError('ERR_SHUTTING_DOWN', message, { cause: error });
    case 'ERR_DIRECTORY_IN_USE':
    case 'ERR_STORAGE_OPEN':
    case 'ERR_NOT_EXPORTABLE':
      return error;
    default:
      return new ProtocolError(code, message, { cause: error });
  }
}
