import type { ServerMessage } from '../protocol/index.js';
import type { PageTurns } from './page-turns.js';

/** Where a subscription's frames go: a client's connection, or the data socket of an edge. */
export interface Outlet {
  /** For the log and for `inspect`. */
  readonly id: number;
  /** Whether its queue is short enough for more of a stream. */
  readonly hasRoom: boolean;
  /** Bytes written that the other end has not taken. */
  readonly queuedBytes: number;
  /** In which the rewinds of its subscriptions read. */
  readonly pageTurns: PageTurns;
  send(message: ServerMessage): void;
  /** Write frames, in order; a Buffer may hold several whole ones. */
  write(frames: readonly Buffer[]): void;
}
