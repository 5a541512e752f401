import { ProtocolError } from '../../protocol/index.js';
import type { InputPosition } from '../../storage/index.js';
import { Actor, asError, type Behaviour, type Ref, settlesWithin } from '../runtime/index.js';
import type { SessionProtocol } from '../session.js';
import { type CheckedBatch, checkDiscard, checkedBatch } from './checked-batch.js';
import type { ContinuedSession, InputBatch, InputContext, SessionInputSource } from './input-source.js';
import { Insistence, isDoubtful, passesInTime } from './insistence.js';
import { unlessAborted } from './unless-aborted.js';

/** What an Input understands. */
export type InputProtocol = {
  /** Start to read; what becomes of it is told to the parameters' `ended`. */
  begin: [Record<string, never>, void];
  inspect: [Record<string, never>, InputInspection];
};

/** What an input has to say about itself. */
export interface InputInspection {
  /** `waiting` while it cannot publish: it keeps trying. */
  state: 'reading' | 'waiting';
  /** Messages it has brought since it was started. */
  messages: number;
  /** Where it goes on, as JSON; a long one is cut. */
  position: string;
  /** Why it is waiting. */
  problem: string;
}

/** The source an input feeds, as the server knows it at the moment of asking. */
export interface FedSource {
  /** How far the input is. */
  position(input: string): Promise<InputPosition | undefined>;
  /** The Session actor; `undefined` while the source has no session. */
  session(): Ref<SessionProtocol> | undefined;
  /**
   * The session of that name is the active one from now on.
   * @param epoch as the input knows it, when it continues somebody else's
   */
  openSession(session: string, epoch: string | undefined): Promise<void>;
  /** The session of that name ends; nothing happens when it is not the active one any more. */
  endOfDay(session: string, reason: string): Promise<void>;
  /** As {@link InputContext.discard}. */
  discard(session: ContinuedSession, reason: string): Promise<void>;
}

/** What an Input is made of. */
export interface InputParameters extends Omit<InputContext, 'signal' | 'logger' | 'discard'> {
  fed: FedSource;
  /** Make what it reads. */
  open(): Promise<SessionInputSource>;
  /** It has come to its end, or cannot go on. */
  ended(error: Error | undefined): void;
}

/** A batch that is not answered after this long: what became of it is asked for. */
const feedMs = 600_000;
/** An input that does not heed its signal is left behind after this long. */
const leaveMs = 1_000;
const positionCharactersMax = 200;

/**
 * Reads one input: asks it for a batch, has it written together with the position behind it, and only then asks for the
 * next. That is all there is to back-pressure, and to bringing nothing twice.
 */
export default class InputActor extends Actor<InputParameters, InputProtocol> implements Behaviour<InputProtocol> {
  readonly #stop = new AbortController();
  readonly #insistence = new Insistence(this.#stop.signal);
  #running: Promise<void> = Promise.resolve();
  #batches = 0;
  #messages = 0;
  #position = '';

  begin(): void {
    this.#running = this.#run().then(
      () => this.#end(undefined),
      (error) => this.#end(asError(error)),
    );
  }

  override async onStop(): Promise<void> {
    this.#stop.abort();
    if (!(await settlesWithin(this.#running, leaveMs))) this.logger.warn({ input: this.name }, 'input does not stop');
  }

  inspect(): InputInspection {
    const { problem } = this.#insistence;
    return {
      state: problem === '' ? 'reading' : 'waiting',
      messages: this.#messages,
      position: this.#position.slice(0, positionCharactersMax),
      problem,
    };
  }

  #end(error: Error | undefined): void {
    if (!this.#stop.signal.aborted) this.parameters.ended(error);
  }

  async #run(): Promise<void> {
    const { fed, name, source, options } = this.parameters;
    const { signal } = this.#stop;
    const stored = await fed.position(name);
    this.#batches = stored?.batches ?? 0;
    this.#position = JSON.stringify(stored?.position) ?? '';
    const { session = '', endOfDay } = stored ?? {};
    if (endOfDay !== undefined) await this.#insist(() => fed.endOfDay(session, endOfDay));
    const input = await this.parameters.open();
    const logger = this.logger.child({ input: name });
    const discard = async (session: ContinuedSession, reason: string) => {
      checkDiscard(session, reason);
      await fed.discard(session, reason);
    };
    const read = input.read(stored?.position, { signal, name, source, logger, options, discard });
    await this.#drink(read, signal);
  }

  /** One batch after the other; an input that waits does not hold up a stop. */
  async #drink(read: AsyncIterable<InputBatch> | Iterable<InputBatch>, signal: AbortSignal): Promise<void> {
    const iterator = Symbol.asyncIterator in read ? read[Symbol.asyncIterator]() : read[Symbol.iterator]();
    try {
      for (;;) {
        const next = await unlessAborted(Promise.resolve(iterator.next()), signal);
        if (next === undefined || next.done === true || signal.aborted) return;
        await this.#feed(checkedBatch(next.value));
      }
    } finally {
      // Not awaited: it may wait for something that never comes.
      void Promise.resolve(iterator.return?.()).catch(() => {});
    }
  }

  async #feed(batch: CheckedBatch): Promise<void> {
    const { fed } = this.parameters;
    const { session: name, epoch } = batch;
    if (name !== undefined) await this.#insist(() => fed.openSession(name, epoch));
    const session = await this.#write(batch);
    this.#batches += 1;
    this.#messages += batch.payloads.length;
    this.#position = JSON.stringify(batch.position);
    if (batch.endOfDay !== undefined) await this.#insist(() => fed.endOfDay(session, batch.endOfDay!));
  }

  /** @returns the session it was written into */
  #write({ payloads, position, endOfDay, firstSeq }: CheckedBatch): Promise<string> {
    const { fed, name } = this.parameters;
    const batch = this.#batches + 1;
    return this.#insist(async () => {
      const session = fed.session();
      if (!session) throw new ProtocolError('ERR_NO_SESSION', 'its source has no session yet');
      const feed = { input: name, payloads, position, batch, endOfDay, firstSeq };
      try {
        return (await session.ask('feed', feed, { timeoutMs: feedMs })).session;
      } catch (error) {
        const written = isDoubtful(error) ? await fed.position(name) : undefined;
        if (written?.batches === batch) return written.session;
        throw error;
      }
    });
  }

  #insist<Result>(step: () => Promise<Result>): Promise<Result> {
    const onWait = ({ message }: Error) => this.logger.warn({ input: this.name, error: message }, 'input waits');
    return this.#insistence.insist(step, onWait, passesInTime);
  }
}
