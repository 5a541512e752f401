import type { GroupCommand } from '../../protocol/index.js';
import type { LatecomerError } from '../errors.js';
import { type Member, MemberConnection } from './member-connection.js';
import { askUnlessAborted, doneError, type MessagePath, type PathSurroundings, shortCommand } from './message-path.js';

/** Messages come over the connection that asked for them. */
export class OwnPath implements MessagePath {
  readonly #surroundings: PathSurroundings;
  #connection: MemberConnection | undefined;

  constructor(surroundings: PathSurroundings) {
    this.#surroundings = surroundings;
  }

  async join(command: GroupCommand, signal?: AbortSignal): Promise<Member> {
    this.close();
    const { server, environment, events } = this.#surroundings;
    const closed = (error: LatecomerError): void => {
      if (this.#connection === undefined) return;
      this.#connection = undefined;
      events.closed(error);
    };
    this.#connection = await MemberConnection.open(server, environment, { ...events, closed }, signal);
    return askUnlessAborted(this.#connection, command, signal);
  }

  leave(command: GroupCommand, signal?: AbortSignal): Promise<Member> {
    if (this.#connection === undefined) return shortCommand(this.#surroundings, command, signal);
    return askUnlessAborted(this.#connection, command, signal);
  }

  delivered(seq: number): void {
    this.#connection?.delivered(seq);
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close(doneError());
  }
}
