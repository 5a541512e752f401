import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { type DialAddress, decodeClientMessage, ProtocolError } from '../../protocol/index.js';
import { CatchUp } from '../catch-up.js';
import { Connection, type ConnectionContext } from '../connection.js';
import { Installments } from '../installments.js';
import { Rounds } from '../rounds.js';
import { dialTarget } from './dial-target.js';
import type { DialTargets } from './group-config.js';
import type { MemberCommand, MemberFacts, MemberOwner, MemberStream } from './member-stream.js';
import { Participation, type ParticipationContext } from './participation.js';

/** A connection the server has made to a participant, which is sent nothing before {@link start}. */
export interface DialedMember extends MemberOwner {
  readonly address: Required<DialAddress>;
  start(member: MemberFacts, stream: MemberStream): void;
  destroy(): void;
}

/** How often some connections are looked at for silence and heartbeats. */
const tickMs = 25;
/** Ticks after which each connection was looked at once. */
const ticksPerRound = 10;
/** A participant listens before it says so: it answers at once, or is not there. */
const dialMs = 5_000;

/** Connections to participants that listen at a port. They are in the process that has the log, whoever took the command. */
export class DialBack {
  readonly #context: ParticipationContext;
  readonly #logger: Logger;
  readonly #connections = new Set<Connection>();
  readonly #rounds = new Rounds(this.#connections, ticksPerRound);
  readonly #departures = new Installments();
  readonly #connectionContext: ConnectionContext;
  /** Who is reached at an address, or is about to be. */
  readonly #taken = new Map<string, string>();
  readonly #ticker: NodeJS.Timeout;
  #nowMs = Math.floor(performance.now());

  constructor(context: ParticipationContext, logger: Logger) {
    this.#context = context;
    this.#logger = logger;
    this.#connectionContext = {
      now: () => this.#nowMs,
      logger,
      defer: (work) => this.#departures.add(work),
      catchUp: new CatchUp(),
    };
    this.#ticker = setInterval(() => this.#tick(), tickMs);
  }

  /**
   * Connect to the address of a command.
   * @throws ProtocolError `ERR_ADDRESS_REFUSED`, `ERR_PORT_IN_USE`, `ERR_UNREACHABLE`
   */
  async dial(command: MemberCommand, targets: DialTargets): Promise<DialedMember> {
    const { address, from, participant } = command;
    const { host: named, port } = address!;
    const host = await dialTarget(named, from, targets);
    const key = `${host} ${port}`;
    const other = this.#taken.get(key);
    if (other !== undefined) {
      throw new ProtocolError('ERR_PORT_IN_USE', `participant ${other} is reached at ${host} port ${port}`);
    }
    let taken = true;
    this.#taken.set(key, participant);
    const release = () => {
      if (taken) this.#taken.delete(key);
      taken = false;
    };
    try {
      const socket = await open(host, port);
      return this.#member(socket, command, { host, port }, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Tell participants to come back, and close. */
  drain(): void {
    const error = new ProtocolError('ERR_SHUTTING_DOWN', 'the server is shutting down; reconnect when it is back');
    for (const connection of this.#connections) connection.fail(error);
  }

  /** Cut what is still there. */
  close(): void {
    clearInterval(this.#ticker);
    for (const connection of this.#connections) connection.destroy();
  }

  #member(
    socket: Socket,
    { participant, instance }: MemberCommand,
    address: Required<DialAddress>,
    release: () => void,
  ): DialedMember {
    const connection = new Connection(socket, this.#connectionContext);
    const participation = new Participation(participant, connection, this.#context, () => {
      release();
      connection.end();
    });
    this.#connections.add(connection);
    connection.loginAccepted();
    connection.listen({
      frame: (frame) => take(frame, participation),
      drained: () => participation.drained(),
      closed: () => {
        this.#connections.delete(connection);
        participation.close(connection.silentMs);
        release();
      },
    });
    return {
      address,
      left: (why) => participation.left(why),
      destroy: () => {
        release();
        connection.destroy();
      },
      start: (member, stream) => {
        connection.send({ type: 'MEMBER', ...member, ...(instance !== undefined && { instance }) });
        participation.start(stream).catch((error: Error) => {
          this.#logger.error({ participant, err: error }, 'a participant could not be served');
          connection.destroy();
        });
      },
    };
  }

  #tick(): void {
    this.#nowMs = Math.floor(performance.now());
    setImmediate(() => this.#rounds.step((connection) => connection.tick()));
  }
}

async function open(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port });
  const timeout = AbortSignal.timeout(dialMs);
  try {
    await once(socket, 'connect', { signal: timeout });
    return socket;
  } catch (error) {
    socket.destroy();
    const why = timeout.aborted ? `no answer within ${dialMs} ms` : (error as Error).message;
    throw new ProtocolError('ERR_UNREACHABLE', `nobody listens at ${host} port ${port}: ${why}`, { cause: error });
  }
}

/** A participant that was called says what it has taken, and that it is there. */
function take(frame: Buffer, participation: Participation): void {
  const message = decodeClientMessage(frame);
  if (message.type === 'HEARTBEAT') return;
  if (message.type !== 'DELIVERED') {
    throw new ProtocolError('ERR_BAD_MESSAGE', `expected DELIVERED or HEARTBEAT, found ${message.type}`);
  }
  if (message.log === participation.log) participation.delivered(message.seq);
}
