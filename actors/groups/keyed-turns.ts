import { Mailbox } from '../runtime/index.js';

/** Jobs of one key are done one after the other, those of different keys at the same time. */
export class KeyedTurns {
  readonly #name: string;
  readonly #mailboxes = new Map<string, Mailbox>();

  /** @param name what the jobs are, for the error */
  constructor(name: string) {
    this.#name = name;
  }

  /** Whether a job of this key waits or runs. */
  has(key: string): boolean {
    return this.#mailboxes.has(key);
  }

  /** @throws what the job throws; as {@link Mailbox.run} when far too many wait */
  async run<Result>(key: string, job: () => Result | Promise<Result>): Promise<Result> {
    const mailbox = this.#mailboxes.get(key) ?? new Mailbox(this.#name);
    this.#mailboxes.set(key, mailbox);
    try {
      return await mailbox.run(job);
    } finally {
      if (mailbox.depth === 0) this.#mailboxes.delete(key);
    }
  }
}
