/** Codes of {@link ActorError}. */
export type ActorErrorCode =
  | 'ERR_ACTOR_STOPPED'
  | 'ERR_ASK_TIMEOUT'
  | 'ERR_FORK_FAILED'
  | 'ERR_MAILBOX_FULL'
  | 'ERR_RESTARTS_EXCEEDED';

/** An actor could not be reached, started or kept alive; `code` is stable, `actor` is its name. */
export class ActorError extends Error {
  override readonly name: string = 'ActorError';
  readonly code: ActorErrorCode;
  readonly actor: string;

  constructor(code: ActorErrorCode, actor: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.actor = actor;
  }
}

/** An ask had no reply within its deadline. The handler may still run, and its reply is then dropped. */
export class TimeoutError extends ActorError {
  override readonly name = 'TimeoutError';
  readonly topic: string;
  readonly timeoutMs: number;

  constructor(actor: string, topic: string, timeoutMs: number) {
    super('ERR_ASK_TIMEOUT', actor, `${actor} did not answer '${topic}' within ${timeoutMs} ms`);
    this.topic = topic;
    this.timeoutMs = timeoutMs;
  }
}

/** @returns what was thrown, as an Error */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`thrown value: ${String(thrown)}`, { cause: thrown });
}

/** The error of a message to an actor that is not there any more. */
export function stoppedError(actor: string, doing: string, cause?: unknown): ActorError {
  return new ActorError('ERR_ACTOR_STOPPED', actor, `${actor} has stopped: ${doing}`, { cause });
}
