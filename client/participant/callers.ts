import type { Environment } from '../environment.js';
import { LatecomerError } from '../errors.js';
import { doneError } from './message-path.js';

/** A connection that somebody has made. */
interface Caller {
  close(error: LatecomerError): void;
}

/** Callers at a time. The one that is waited for is among the newest, so it is the oldest who has to go. */
const callersMax = 16;

/** Connections that somebody has made to a port of this process, from their beginning until they have said for whom they are. */
export class Callers {
  readonly #waitMs: number;
  readonly #environment: Environment;
  /** With what cancels the deadline of each, the oldest first. */
  readonly #callers = new Map<Caller, () => void>();

  /** @param waitMs how long each may take */
  constructor(waitMs: number, environment: Environment) {
    this.#waitMs = waitMs;
    this.#environment = environment;
  }

  add(caller: Caller): void {
    const cancel = this.#environment.schedule(this.#waitMs, () => {
      caller.close(new LatecomerError('ERR_BAD_MESSAGE', `a connection that said nothing for ${this.#waitMs} ms`));
    });
    this.#callers.set(caller, cancel);
    if (this.#callers.size <= callersMax) return;
    const [oldest] = this.#callers.keys();
    oldest!.close(new LatecomerError('ERR_TOO_MANY_CONNECTIONS', `more than ${callersMax} connections say nothing`));
  }

  /** It has said for whom it is, or is gone. */
  remove(caller: Caller): void {
    this.#callers.get(caller)?.();
    this.#callers.delete(caller);
  }

  close(): void {
    for (const caller of [...this.#callers.keys()]) caller.close(doneError());
  }
}
