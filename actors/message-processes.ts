import type { Logger } from 'pino';
import type { GeneratorProtocol, MessageListener } from './generator.js';
import type { Ref } from './runtime/index.js';

/** A process that makes messages for a source. */
export interface MessageProcess {
  process: Pick<Ref<GeneratorProtocol>, 'ask' | 'tell'>;
  /** Whom it gives them to. */
  listener: MessageListener;
}

/** Milliseconds a process may take to finish what it makes for a session that is to end. */
const finishMs = 60_000;

/**
 * The message generating processes of a source. Each is told the name of a session before its first message for it, and
 * has finished with it before it ends, so that what a message says of its session is true.
 */
export class MessageProcesses {
  readonly #logger: Logger;
  readonly #processes: MessageProcess[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param session the active one */
  add(process: MessageProcess, session: string): void {
    this.#processes.push(process);
    tell(process, session);
  }

  /** They go on with that session. */
  opened(session: string): void {
    for (const process of this.#processes) tell(process, session);
  }

  /** Resolves when nothing of theirs is on its way to that session; one that does not answer is not waited for long. */
  async finished(session: string): Promise<void> {
    const finished = this.#processes.map(({ process }) =>
      process.ask('sessionClosed', { session }, { timeoutMs: finishMs }),
    );
    for (const outcome of await Promise.allSettled(finished)) {
      if (outcome.status === 'fulfilled') continue;
      const { message } = outcome.reason as Error;
      this.#logger.warn({ session, error: message }, 'a message generating process has not finished its session');
    }
  }
}

function tell({ process, listener }: MessageProcess, session: string): void {
  process.tell('sessionOpened', { session, listener });
}
