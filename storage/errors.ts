/**
 * `ERR_DIRECTORY_IN_USE` – another process has the directory open;
 * `ERR_STORAGE_OPEN` – the database cannot be opened, for another reason;
 * `ERR_STORAGE_CLOSED` – the store was closed for good;
 * `ERR_NOT_WRITTEN` – what was to be written is not in the log, and will not be: safe to retry;
 * `ERR_OUTCOME_UNKNOWN` – the disk did not come back in time to tell whether it was written;
 * `ERR_DISK_FULL` – less than the reserve is free; nothing was tried;
 * `ERR_STORAGE_UNAVAILABLE` – the database is being reopened after a failure, or a read failed;
 * `ERR_SESSION_ACTIVE` – only a session that has ended can be archived;
 * `ERR_SESSION_EXISTS` – a session of that name is there already, so none can be restored;
 * `ERR_SESSION_REMOVED` – the session was removed by retention meanwhile;
 * `ERR_NO_ARCHIVE` – there is no such archive;
 * `ERR_NOT_AN_ARCHIVE` – the file is none, or was not finished;
 * `ERR_ARCHIVE_DAMAGED` – a part of the archive cannot be read;
 * `ERR_ARCHIVE_EXISTS` – the file is there and holds something else;
 * `ERR_ARCHIVE_FAILED` – a file could not be read or written;
 * `ERR_NOT_EXPORTABLE` – the format cannot say what the session holds.
 */
export type StorageErrorCode =
  | 'ERR_DIRECTORY_IN_USE'
  | 'ERR_STORAGE_OPEN'
  | 'ERR_STORAGE_CLOSED'
  | 'ERR_NOT_WRITTEN'
  | 'ERR_OUTCOME_UNKNOWN'
  | 'ERR_DISK_FULL'
  | 'ERR_STORAGE_UNAVAILABLE'
  | 'ERR_SESSION_ACTIVE'
  | 'ERR_SESSION_EXISTS'
  | 'ERR_SESSION_REMOVED'
  | 'ERR_NO_ARCHIVE'
  | 'ERR_NOT_AN_ARCHIVE'
  | 'ERR_ARCHIVE_DAMAGED'
  | 'ERR_ARCHIVE_EXISTS'
  | 'ERR_ARCHIVE_FAILED'
  | 'ERR_NOT_EXPORTABLE';

/** A failure of the log that a server has to expect. `code` is stable, `cause` is what the disk or LevelDB said. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
