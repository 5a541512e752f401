import { isDoubtful } from './insistence.js';
import { OtherContentError, type Published } from './publication.js';

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
  /** What is on record in spite of it. */
  readonly written: Published | undefined;

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Record<string, string> = {},
    written: Published | undefined = undefined,
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.written = written;
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

  /**
   * The end of day behind what was posted has failed. With no status that clients, and proxies, would try again by
   * themselves: without a key that would write it a second time.
   */
  static behind(written: Published, error: unknown, hasKey: boolean): HttpFailure {
    const { message = '' } = error as { message?: string };
    const where = written.ranges.map(({ session, firstSeq, lastSeq }) => `${session} ${firstSeq} to ${lastSeq}`);
    const remedy = hasKey
      ? 'post it again with the same Idempotency-Key: only the end of day is done then'
      : 'do not post it again, it would be written twice: the session can be rolled';
    const done = isDoubtful(error) ? 'may not be done' : 'is not done';
    const text = `written (${where.join(', ')}), but the end of day ${done}: ${message}; ${remedy}`;
    return new HttpFailure(409, 'ERR_DAY_NOT_ENDED', text, {}, written);
  }
}
