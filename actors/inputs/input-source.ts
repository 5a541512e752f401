import type { Logger } from 'pino';
import type { JsonValue } from '../../storage/index.js';

export type { JsonValue } from '../../storage/index.js';

/** Some messages, and where the input goes on behind them. */
export interface InputBatch<Position extends JsonValue = JsonValue> {
  /**
   * The messages, in order; text is UTF-8. They are written together or not at all, so they have to fit one block: at
   * most 8192 of them in 256 KiB, or a single one of up to 1 MiB less 256 bytes. None is allowed: then only the position
   * is put on record.
   */
  payloads: readonly (Uint8Array | string)[];
  /**
   * Where {@link SessionInputSource.read} goes on when these messages are in the log: any JSON value of up to 64 KiB. It
   * is written in one batch with them.
   */
  position: Position;
  /** End the session behind these messages, and say why; what follows belongs to the next one. */
  endOfDay?: string | undefined;
  /** The name of the session they belong to, for an input that continues somebody else's; it is opened when it is new. */
  session?: string | undefined;
  /** The epoch of that session there: kept when it is opened, for {@link InputContext.discard}. */
  epoch?: string | undefined;
  /** The number of the first of them, for such an input: a number that was left out is announced as lost. */
  firstSeq?: number | undefined;
}

/** A session somewhere else that an input continues here. */
export interface ContinuedSession {
  session: string;
  /** Its epoch there. */
  epoch: string;
  /** Of its contents, as the catalogue there has it. */
  digest?: string | undefined;
}

/** What an input is given. */
export interface InputContext<Options = unknown> {
  /** Aborted when the input is to stop. */
  signal: AbortSignal;
  /** Name of the input. */
  name: string;
  /** The source it feeds. */
  source: string;
  /** The server's log. */
  logger: Logger;
  /** What the configuration says under `options`. */
  options: Options;
  /**
   * What a session holds is not to be used: it is marked here too, and its subscribers are told at once. A relayed one that
   * is still active here is marked by its end. Nothing is done when it is marked already, or when the one of that name here
   * is another one: neither opened with that epoch nor of the same contents.
   * @throws InputError `ERR_INPUT_BATCH` when what it is given cannot be; `ERR_SESSION_ACTIVE` when it is active here and
   *   comes from no relay: it has to end first; else it could not be written: to be tried again
   */
  discard(session: ContinuedSession, reason: string): Promise<void>;
}

/**
 * Where messages come from. `Position` is how far it has been read, in its own words; `Options` is what the
 * configuration gives it.
 */
export interface SessionInputSource<Position extends JsonValue = JsonValue, Options = unknown> {
  /**
   * Read on from a position: everything behind it, each message once, in order. The next batch is asked for when the one
   * before is durable, so an input that only reads when it is asked needs no other back-pressure. It may wait for as
   * long as there is nothing (streaming) or look from time to time (polling); it ends when there will never be more.
   *
   * When it throws it is started again at the last durable position, with back-off.
   *
   * @param position of the last batch that is durable; `undefined` at the very first start
   */
  read(
    position: Position | undefined,
    context: InputContext<Options>,
  ): AsyncIterable<InputBatch<Position>> | Iterable<InputBatch<Position>>;
}

/** Thrown by an input that would fail in the same way when it was started again. */
export { InputError } from './input-error.js';
