import { ProtocolError } from '../protocol/index.js';
import { StorageError, type StorageErrorCode } from '../storage/index.js';
import { ActorError, TimeoutError } from './runtime/index.js';
import { SessionNameError } from './session-name.js';

/** What a client may be told of a roll that storage could not do. */
const storageCodes = ['ERR_NOT_WRITTEN', 'ERR_OUTCOME_UNKNOWN', 'ERR_DISK_FULL', 'ERR_STORAGE_UNAVAILABLE'] as const;

type ToldCode = (typeof storageCodes)[number];

/** Why a roll has failed, as a client is told; a programmer's error as it is. */
export function rollFailure(error: unknown): unknown {
  if (error instanceof SessionNameError) return new ProtocolError(error.code, error.message);
  if (error instanceof StorageError && isTold(error.code)) return new ProtocolError(error.code, error.message);
  if (error instanceof TimeoutError) {
    return new ProtocolError('ERR_BUSY', 'the roll takes long and goes on: the catalogue will tell when it is done');
  }
  if (error instanceof ActorError && error.code === 'ERR_ACTOR_STOPPED') {
    return new ProtocolError('ERR_SHUTTING_DOWN', 'the server is shutting down; reconnect and look at the catalogue');
  }
  return error;
}

function isTold(code: StorageErrorCode): code is StorageErrorCode & ToldCode {
  return (storageCodes as readonly string[]).includes(code);
}
