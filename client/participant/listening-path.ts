import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { GroupCommand } from '../../protocol/index.js';
import { LatecomerError } from '../errors.js';
import { Callers } from './callers.js';
import { type Member, MemberConnection } from './member-connection.js';
import {
  askUnlessAborted,
  doneError,
  type MessagePath,
  openForCommand,
  type PathSurroundings,
  shortCommand,
} from './message-path.js';
import { noLaterThan } from './no-later-than.js';

/** What a listening path needs around it. */
export interface ListeningSurroundings extends PathSurroundings {
  /** 0 picks one, at the first command. */
  port: number;
  /**
   * How long the server's connection is waited for when a command was answered, and its end when one has ended it; and
   * how long a connection may take to say for whom it is.
   */
  waitMs: number;
}

/**
 * Messages come over a connection that the server makes to a port of this process; commands go over short ones. It listens
 * on the address from which the server is reached, and takes only connections of the one that got the command.
 */
export class ListeningPath implements MessagePath {
  readonly #surroundings: ListeningSurroundings;
  readonly #callers: Callers;
  #listener: Server | undefined;
  #connection: MemberConnection | undefined;
  /** What only the server knows of this participant. */
  #instance: string | undefined;
  #come: (member: Member) => void = () => {};
  #gone: () => void = () => {};

  constructor(surroundings: ListeningSurroundings) {
    this.#surroundings = surroundings;
    this.#callers = new Callers(surroundings.waitMs, surroundings.environment);
  }

  async join(command: GroupCommand, signal?: AbortSignal): Promise<Member> {
    this.#drop();
    const connection = await openForCommand(this.#surroundings, signal);
    try {
      this.#listener ??= await this.#listen(connection.localAddress!);
      const { port } = this.#listener.address() as { port: number };
      this.#instance = command.instance;
      const come = new Promise<Member>((resolve) => {
        this.#come = resolve;
      });
      try {
        await askUnlessAborted(connection, { ...command, address: { port } }, signal);
      } catch (error) {
        // An answer that is lost behind a connection that has come is not needed.
        if (this.#connection === undefined) throw error;
      }
      return await this.#await(come);
    } finally {
      connection.close(doneError());
    }
  }

  async leave(command: GroupCommand, signal?: AbortSignal): Promise<Member> {
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
      if (this.#connection === undefined) resolve();
    });
    this.resume();
    const member = await shortCommand(this.#surroundings, command, signal);
    await noLaterThan(this.#surroundings.waitMs, gone, this.#surroundings.environment);
    return member;
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
    this.#listener?.close();
    this.#listener = undefined;
    this.#callers.close();
    this.#drop();
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close(doneError());
  }

  async #listen(host: string): Promise<Server> {
    const listener = createServer((socket) => this.#accept(socket));
    listener.listen({ host, port: this.#surroundings.port });
    try {
      await once(listener, 'listening');
      return listener;
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      const { port } = this.#surroundings;
      if (code !== 'EADDRINUSE') throw new LatecomerError('ERR_CONNECT', `cannot listen: ${message}`, { cause });
      const text = `port ${host}:${port} is in use on this machine: name another one`;
      throw new LatecomerError('ERR_PORT_IN_USE', text, { cause });
    }
  }

  /** Nothing it says counts before it has said for whom it is. */
  #accept(socket: Socket): void {
    const { environment, events } = this.#surroundings;
    const known =
      <Told extends unknown[]>(event: (...told: Told) => void) =>
      (...told: Told): void => {
        if (this.#connection !== connection) throw strangerError();
        event(...told);
      };
    const connection: MemberConnection = MemberConnection.accept(socket, environment, {
      block: known(events.block),
      lost: known(events.lost),
      live: known(events.live),
      unsubscribed: known(events.unsubscribed),
      online: (member) => {
        this.#check(member);
        this.#callers.remove(connection);
        this.#drop();
        this.#connection = connection;
        events.online(member);
        this.#come(member);
      },
      closed: (error) => {
        this.#callers.remove(connection);
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        this.#gone();
        events.closed(error);
      },
    });
    this.#callers.add(connection);
  }

  /** Whoever finds the port may connect to it. */
  #check({ instance }: Member): void {
    if (instance === undefined || instance !== this.#instance) throw strangerError();
  }

  async #await(come: Promise<Member>): Promise<Member> {
    const member = await noLaterThan(this.#surroundings.waitMs, come, this.#surroundings.environment);
    if (member) return member;
    throw new LatecomerError('ERR_UNREACHABLE', 'the server has answered, and not connected', { remedy: 'retry' });
  }
}

function strangerError(): LatecomerError {
  return new LatecomerError('ERR_BAD_MESSAGE', 'a connection that nobody has asked for');
}
