import type { ErrorCode, Remedy } from '../protocol/index.js';

/** Codes of what goes wrong on the client's side; a server's own codes are those of `protocol/errors.ts`. */
export type ClientErrorCode =
  /** No connection could be made: nobody listens there, or the address does not exist. */
  | 'ERR_CONNECT'
  /** The connection broke, and either it may not be made again or the attempts are used up. */
  | 'ERR_DISCONNECTED'
  /** {@link Client.close} was called before this was done. */
  | 'ERR_CLOSED'
  /** The AbortSignal given was aborted; `cause` is its reason. */
  | 'ERR_ABORTED'
  /** The session's epoch is not the one the position was learnt in; `facts` are those of the server's RESET. */
  | 'ERR_RESET'
  /** The server sent a message that does not follow the one before it. */
  | 'ERR_GAP'
  /** More bytes wait to be published than `publishQueueBytesMax`; await {@link Client.room} before publishing. */
  | 'ERR_QUEUE_FULL'
  /** A payload could not be turned into a value; `facts` name its session and seq. */
  | 'ERR_BAD_VALUE';

/** Every code a {@link LatecomerError} can have. */
export type LatecomerErrorCode = ClientErrorCode | ErrorCode;

/**
 * What every failure of the client library is. `code` is stable, `message` is one sentence for a person, `facts` carries
 * the fields a program may want.
 */
export class LatecomerError extends Error {
  override readonly name = 'LatecomerError';
  readonly code: LatecomerErrorCode;
  /** What to do about it; the client follows `retry` and `reconnect` by itself before it reports an error. */
  readonly remedy: Remedy;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(
    code: LatecomerErrorCode,
    message: string,
    options: { remedy?: Remedy; facts?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.remedy = options.remedy ?? 'never';
    this.facts = options.facts ?? {};
  }
}

/** What a server reported, as an error. */
export function reportedError(report: { code: ErrorCode; message: string; remedy: Remedy }): LatecomerError {
  return new LatecomerError(report.code, report.message, { remedy: report.remedy });
}

/** The error of a call whose signal was aborted. */
export function abortedError(signal: AbortSignal, what: string): LatecomerError {
  return new LatecomerError('ERR_ABORTED', `${what} was aborted`, { cause: signal.reason });
}

/** What the server sent does not follow what came before it. @param what came */
export function gapError(what: string, expected: number | undefined, found: number): LatecomerError {
  const message = `${what}: expected ${expected ?? 'none'}, found ${found}`;
  return new LatecomerError('ERR_GAP', message, { facts: { expected, found } });
}
