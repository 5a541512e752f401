import { type ServerMessage, singleBlocks } from '../../protocol/index.js';
import { Framing } from '../framing.js';
import type { Outlet } from '../outlet.js';
import type { PageTurns } from '../page-turns.js';

/** Blocks cut into blocks of one message, once for all participants of a process that want them so. */
export function singlesFraming(): Framing {
  return new Framing({ frame: (blocks) => ({ bytes: singleBlocks(blocks) }) });
}

/** An outlet on which each message has a frame of its own: nothing is bundled. */
export class SingleOutlet implements Outlet {
  readonly id: number;
  readonly #outlet: Outlet;
  readonly #singles: Framing;

  constructor(outlet: Outlet, singles: Framing) {
    this.id = outlet.id;
    this.#outlet = outlet;
    this.#singles = singles;
  }

  get hasRoom(): boolean {
    return this.#outlet.hasRoom;
  }

  get queuedBytes(): number {
    return this.#outlet.queuedBytes;
  }

  get pageTurns(): PageTurns {
    return this.#outlet.pageTurns;
  }

  send(message: ServerMessage): void {
    this.#outlet.send(message);
  }

  write(frames: readonly Buffer[]): void {
    this.#outlet.write(frames.map((blocks) => this.#singles.of(blocks).bytes));
  }
}
