/**
 * What a client should do about an error:
 * `never` – repeating it cannot succeed, a person or a program must change something;
 * `retry` – the same request may be sent again on this connection;
 * `reconnect` – connect again, resume where you were.
 */
export type Remedy = 'never' | 'retry' | 'reconnect';

/** Every code the server can put on the wire, and what to do about it. `protocol/README.md` explains each. */
export const errorCodes = {
  ERR_NOT_LATECOMER: 'never',
  ERR_BAD_FRAME: 'never',
  ERR_FRAME_TOO_LARGE: 'never',
  ERR_BAD_MESSAGE: 'never',
  ERR_UNKNOWN_TYPE: 'never',
  ERR_VERSION: 'never',
  ERR_LOGIN_REQUIRED: 'never',
  ERR_LOGIN_TIMEOUT: 'reconnect',
  ERR_ALREADY_LOGGED_IN: 'never',
  ERR_TOO_MANY_CONNECTIONS: 'reconnect',
  ERR_SILENT: 'reconnect',
  ERR_SHUTTING_DOWN: 'reconnect',
  ERR_UNKNOWN_SOURCE: 'never',
  ERR_UNKNOWN_SESSION: 'never',
  ERR_NO_SESSION: 'retry',
  ERR_SESSION_ENDED: 'never',
  ERR_SESSION_ACTIVE: 'never',
  ERR_SESSION_EXISTS: 'never',
  ERR_NO_ARCHIVE_DIRECTORY: 'never',
  ERR_NO_ARCHIVE: 'never',
  ERR_NOT_AN_ARCHIVE: 'never',
  ERR_ARCHIVE_DAMAGED: 'never',
  ERR_ARCHIVE_EXISTS: 'never',
  ERR_ARCHIVE_FAILED: 'retry',
  ERR_TOO_MANY_SESSIONS: 'never',
  ERR_BEYOND_NEXT: 'retry',
  ERR_ALREADY_SUBSCRIBED: 'never',
  ERR_TOO_MANY_SUBSCRIPTIONS: 'never',
  ERR_TOO_MANY_REREQUESTS: 'retry',
  ERR_REWIND_FAILED: 'retry',
  ERR_NOT_A_PUBLISHER: 'never',
  ERR_PUBLISHER_TAKEN_OVER: 'never',
  ERR_RELAYED: 'never',
  ERR_NOT_ROLLED: 'never',
  ERR_UNKNOWN_GROUP: 'never',
  ERR_ID_IN_USE: 'never',
  ERR_NOT_REGISTERED: 'never',
  ERR_ALREADY_CONNECTED: 'never',
  ERR_NOT_CONNECTED: 'never',
  ERR_TOO_MANY_MEMBERS: 'never',
  ERR_TOO_FAR_BEHIND: 'reconnect',
  ERR_PORT_IN_USE: 'never',
  ERR_ADDRESS_REFUSED: 'never',
  ERR_UNREACHABLE: 'retry',
  ERR_PUBLISH_NUMBER: 'never',
  ERR_PUBLISH_TOO_LARGE: 'never',
  ERR_NOT_WRITTEN: 'retry',
  ERR_OUTCOME_UNKNOWN: 'reconnect',
  ERR_DISK_FULL: 'retry',
  ERR_STORAGE_UNAVAILABLE: 'retry',
  ERR_BUSY: 'retry',
  ERR_INTERNAL: 'reconnect',
} as const satisfies Record<string, Remedy>;

/** A code of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/**
 * Something a peer did, or asked for, that cannot be done. `code` is stable; `message` gives what was expected and what
 * was found; {@link ProtocolError.remedy} says what the peer should do next.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  get remedy(): Remedy {
    return errorCodes[this.code];
  }
}
