import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { aside, type SocketMessage } from './fork-messages.js';

/**
 * Sockets that may be on their way to one process; a process that fetches none must not collect them without end. A burst
 * of connections is accepted faster than it can be handed over, so there is room for a whole backlog.
 */
export const socketsUnderWayMax = 4_096;

/**
 * The sockets sent to a process that it has not said to hold yet. This process keeps its own copy of each until then
 * (`keepOpen`): Node forgets, and never closes, a handle that is under way when the receiver dies.
 */
export class SocketsUnderWay {
  readonly #sockets = new Map<number, Socket>();
  readonly #socketsMax: number;
  #lastNumber = 0;

  constructor(socketsMax = socketsUnderWayMax) {
    this.#socketsMax = socketsMax;
  }

  /** @returns false when too many are under way; the socket is then still the caller's */
  send(worker: ChildProcess, socket: Socket, meta: object): boolean {
    if (this.#sockets.size >= this.#socketsMax || socket.destroyed) return false;
    const number = ++this.#lastNumber;
    this.#sockets.set(number, socket);
    const message: SocketMessage = { ...aside, type: 'latecomer-socket', number, meta };
    worker.send(message, socket, { keepOpen: true }, (error) => {
      if (error) this.taken(number);
    });
    return true;
  }

  /** The process holds it: close the copy, which does not close the connection. */
  taken(number: number): void {
    this.#sockets.get(number)?.destroy();
    this.#sockets.delete(number);
  }

  /** The process is dead: close the connections it never got. */
  destroy(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }
}
