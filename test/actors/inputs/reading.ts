import { onTestFinished } from 'vitest';
import type { InputBatch, InputContext, JsonValue, SessionInputSource } from '../../../actors/inputs/input-source.js';
import { within } from '../../support/deadline.js';
import { LogLines } from '../../support/log-lines.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** An input that is read as the Input actor reads it, up to where a test wants it. */
export class ReadInput {
  /** Texts of the messages that were taken. */
  readonly texts: string[] = [];
  readonly endsOfDay: string[] = [];
  readonly log = new LogLines();
  /** Of the last batch that was taken, through JSON as it is stored. */
  position: JsonValue | undefined;
  readonly #stop = new AbortController();
  readonly #iterator: AsyncIterator<InputBatch>;

  constructor(input: object, position?: JsonValue, options: unknown = undefined) {
    const context: InputContext = {
      signal: this.#stop.signal,
      name: 'test',
      source: 'main',
      logger: this.log.logger,
      options,
      discard: async () => {},
    };
    this.position = position;
    const read = (input as SessionInputSource).read(position, context) as AsyncIterable<InputBatch>;
    this.#iterator = read[Symbol.asyncIterator]();
    onTestFinished(() => this.stop());
  }

  /** Take one batch more. @returns whether there was one */
  async take(): Promise<boolean> {
    const next = await within(this.#iterator.next(), `a batch behind ${JSON.stringify(this.texts.slice(-3))}`);
    if (next.done) return false;
    const { payloads, position, endOfDay } = next.value;
    this.texts.push(...payloads.map((payload) => Buffer.from(payload).toString()));
    this.position = JSON.parse(JSON.stringify(position)) as JsonValue;
    if (endOfDay !== undefined) this.endsOfDay.push(endOfDay);
    return true;
  }

  /** Take batches until there are so many messages. */
  async reached(messages: number): Promise<string[]> {
    while (this.texts.length < messages && (await this.take()));
    return this.texts;
  }

  stop(): void {
    this.#stop.abort();
    void this.#iterator.return?.();
  }
}

/** A directory that is removed after the test. */
export async function directoryOfTest(): Promise<string> {
  const { directory, remove } = await temporaryDirectory();
  onTestFinished(remove);
  return directory;
}
