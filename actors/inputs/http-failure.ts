import { OtherContentError } from './publication.js';

/** Codes of refusals that pass by themselves. */
const passing = new Set([
  'ERR_BUSY',
  'ERR_DISK_FULL',
  'ERR_NOT_WRITTEN',
  'ERR_NO_SESSION',
  'ERR_SESSION_ENDED',
  'ERR_SHUTTING_DOWN',
  'ERR_STORAGE_UNAVAILABLE',
  'ERR_STORAGE_CLOSED',
]);

/** Why a request is refused, as HTTP says it. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  /** What a failure of the server is to one who posts: try again, or repeat it to learn what became of it. */
  static of(error: unknown): HttpFailure {
    if (error instanceof HttpFailure) return error;
    if (error instanceof OtherContentError) {
      const message = `${error.message}: a key is for one request and its repeats`;
      return new HttpFailure(422, 'ERR_IDEMPOTENCY_KEY', message);
    }
    const { code = 'ERR_INTERNAL', message = '' } = error as { code?: string; message?: string };
    if (passing.has(code)) return new HttpFailure(503, code, message);
    if (code === 'ERR_OUTCOME_UNKNOWN' || code === 'ERR_ASK_TIMEOUT') {
      return new HttpFailure(504, 'ERR_OUTCOME_UNKNOWN', `${message}: post it again with the same Idempotency-Key`);
    }
    if (code === 'ERR_PUBLISHER_TAKEN_OVER') return new HttpFailure(409, 'ERR_IDEMPOTENCY_KEY', message);
    return new HttpFailure(500, code, message);
  }
}
