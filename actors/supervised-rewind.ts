import type { Logger } from 'pino';
import type { PageTurns, Turn } from './page-turns.js';
import type { OpenRewind, RewindReceiver, Rewinds } from './rewinds.js';
import { Supervisor } from './runtime/index.js';

/** One Rewind of all a subscription has had: generations count from 1 under each supervisor. */
export interface RewindName {
  supervisor: Supervisor<OpenRewind>;
  generation: number;
}

/** What a subscription gives its rewind, and hears from it. */
export interface SupervisedRewindOptions {
  /** Whose rewind it is, for the log. */
  name: string;
  log: number;
  rewinds: Rewinds;
  /** The turns of the client it reads for. */
  turns: PageTurns;
  logger: Logger;
  /** Who gets what the Rewind of that name reads. */
  receiver(rewind: RewindName): RewindReceiver;
  /** A Rewind was started, or started anew: ask it for the page that is owed. */
  onStarted(): void;
  /** It failed too often. */
  onGiveUp(error: Error): void;
}

/** A rewind is restarted after 50 ms, 100 ms, … 2 s, at most 10 times in 30 s. */
const restartLimits = { delayFirstMs: 50, delayMsMax: 2_000, restartsMax: 10, withinMs: 30_000 };

/**
 * The Rewind of a subscription, started when the first page is asked for and started anew, with back-off, whatever ends
 * it. Each page is read when it is this client's turn.
 */
export class SupervisedRewind {
  readonly #options: SupervisedRewindOptions;
  #supervisor: Supervisor<OpenRewind> | undefined;
  #current: (RewindName & { open: OpenRewind }) | undefined;
  #turn: Turn | undefined;
  #from = 0;
  #restarts = 0;

  constructor(options: SupervisedRewindOptions) {
    this.#options = options;
  }

  /** How often it was started anew. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Read the page that starts at `from`, when it is its turn. */
  read(from: number): void {
    this.#from = from;
    this.#turn?.end();
    this.#turn = this.#options.turns.take(this.#options.log, from, () => this.#readNow());
  }

  /** Take a page with `step`, if it is from the Rewind there is now. */
  taken({ supervisor, generation }: RewindName, step: () => void): void {
    if (supervisor !== this.#current?.supervisor || generation !== this.#current.generation) return;
    const turn = this.#turn;
    step();
    turn?.end();
  }

  /** That Rewind has failed. */
  failed({ supervisor, generation }: RewindName, error: Error): void {
    supervisor.failed(generation, error);
  }

  /** It is not needed any more, for now at least. */
  stop(): void {
    this.#turn?.end();
    void this.#supervisor?.stop();
    this.#supervisor = undefined;
    this.#current = undefined;
  }

  #readNow(): void {
    if (this.#current) return this.#current.open.read(this.#from);
    if (this.#supervisor) return;
    const { name, logger, onGiveUp } = this.#options;
    const supervisor: Supervisor<OpenRewind> = new Supervisor<OpenRewind>({
      name,
      start: (generation) => this.#open({ supervisor, generation }),
      dispose: (open) => open.close(),
      onRestart: ({ delayMs, error }) => {
        this.#turn?.end();
        this.#current = undefined;
        this.#restarts += 1;
        logger.warn({ next: this.#from, delayMs, error: error.message }, 'rewind failed, starting it anew');
      },
      onGiveUp,
      ...restartLimits,
    });
    this.#supervisor = supervisor;
    void supervisor.start();
  }

  /** The new Rewind goes on where the subscription is, whatever the one before it had read. */
  async #open(rewind: RewindName): Promise<OpenRewind> {
    const { rewinds, log, receiver, onStarted } = this.#options;
    const { supervisor, generation } = rewind;
    const open = await rewinds.open(log, receiver(rewind));
    const wanted = supervisor.state === 'starting' && supervisor.generation === generation;
    if (this.#supervisor === supervisor && wanted) {
      this.#current = { ...rewind, open };
      onStarted();
    }
    return open;
  }
}
