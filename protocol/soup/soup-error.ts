import type { ErrorCode } from '../errors.js';

/** What only a Soup client can be told; the rest is as on the native protocol. */
export const soupErrorCodes = ['ERR_CREDENTIALS', 'ERR_LOST', 'ERR_NOT_CARRIED'] as const;

/** First word of the text of a Debug packet. */
export type SoupErrorCode = ErrorCode | (typeof soupErrorCodes)[number];

/**
 * Reason of a Login Rejected packet. SoupBinTCP 3.00, 2.2.2, and SoupTCP 2.00:
 * `A` – not authorised; `S` – the session is not available.
 */
export type RejectReason = 'A' | 'S';

/**
 * Something a Soup client did, or asked for, that cannot be done; it ends its connection. `code` is stable; the message
 * gives what was expected and what was found.
 */
export class SoupError extends Error {
  override readonly name = 'SoupError';
  readonly code: SoupErrorCode;
  /** The client has sent a login, which is answered with a Login Rejected packet. */
  readonly reject: RejectReason | undefined;

  constructor(code: SoupErrorCode, message: string, options: { reject?: RejectReason; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.reject = options.reject;
  }
}
