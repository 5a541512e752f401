import { randomUUID } from 'node:crypto';
import type { GroupCommand } from '../../protocol/index.js';
import type { ConnectionOptions } from '../connection.js';
import { Emitter } from '../emitter.js';
import { type Environment, processEnvironment } from '../environment.js';
import { LatecomerError } from '../errors.js';
import type { Message, MessageBlock } from '../message-block.js';
import { loginOf, type Settings, settingsOf } from '../options.js';
import type { Acknowledgement } from '../publication.js';
import { quiet } from '../quiet.js';
import { raw, type Values } from '../values.js';
import { Attendance } from './attendance.js';
import { GroupPublisher } from './group-publisher.js';
import { insist } from './insist.js';
import { membershipOf } from './member-connection.js';
import { shortCommand } from './message-path.js';
import { ParticipantReader } from './participant-reader.js';
import type {
  CommandOptions,
  GroupPosition,
  Membership,
  ParticipantEvents,
  ParticipantOptions,
  ReconnectGroupOptions,
  RegisterOptions,
} from './participant-types.js';
import { Turns } from './turns.js';

/**
 * A participant of a group: a durable subscription that the server keeps while the participant is away. It connects when a
 * command needs it, and repairs its connection while it is registered and not disconnected. Commands are done one after
 * the other; no promise of it causes an unhandled rejection.
 */
export class Participant<T = Uint8Array> extends Emitter<ParticipantEvents> {
  readonly #settings: Settings<T>;
  readonly #environment: Environment;
  /** What every command says. */
  readonly #identity: Omit<GroupCommand, 'action'>;
  readonly #reader: ParticipantReader<T>;
  readonly #publisher: GroupPublisher;
  readonly #turns = new Turns();
  #attendance: Attendance | undefined;
  #heldBytes = 0;
  #acknowledging = false;

  constructor(options: ParticipantOptions<T>, environment: Environment = processEnvironment) {
    super();
    const { group, id, tdMs, single } = options;
    const values = options.values ?? (raw as unknown as Values<T>);
    this.#settings = settingsOf({ ...options, source: group }, values, id);
    this.#environment = environment;
    this.#identity = {
      group,
      participant: id,
      ...(tdMs !== undefined && { tdMs }),
      ...(single !== undefined && { single }),
    };
    this.#reader = new ParticipantReader(values, {
      held: (bytes) => this.#onHeld(bytes),
      progressed: () => this.#acknowledgeSoon(),
      live: (seq) => this.emit('live', { seq }),
      lost: (range) => this.emit('lost', range),
    });
    const { publishQueueBytesMax: queueBytesMax } = this.#settings;
    this.#publisher = new GroupPublisher({ server: this.#server(loginOf(this.#settings)), environment, queueBytesMax });
  }

  /** How far the consumer is, to be given to {@link reconnect} by another process; `undefined` before the first command. */
  get position(): GroupPosition | undefined {
    return this.#reader.position;
  }

  /**
   * Become a member: everything that is sent from now on is for this participant.
   * @throws LatecomerError `ERR_ID_IN_USE`, `ERR_UNKNOWN_GROUP`, `ERR_TOO_MANY_MEMBERS`, `ERR_CONNECT`; with `listen`
   *   `ERR_PORT_IN_USE`, `ERR_UNREACHABLE`, `ERR_ADDRESS_REFUSED`
   */
  register(options: RegisterOptions = {}): Promise<Membership> {
    return this.#turns.take(() => this.#join('register', options));
  }

  /**
   * Be back, and get what was sent meanwhile; what the group does not keep that long is announced with `lost`.
   * @throws LatecomerError `ERR_NOT_REGISTERED`, `ERR_ALREADY_CONNECTED`, and those of {@link register}
   */
  reconnect(options: ReconnectGroupOptions = {}): Promise<Membership> {
    return this.#turns.take(() => this.#join('reconnect', options));
  }

  /**
   * Go away for a while. What has been received is still handed out, then the iterator ends.
   * @throws LatecomerError `ERR_NOT_REGISTERED`, `ERR_NOT_CONNECTED`, `ERR_CONNECT`
   */
  disconnect(options: CommandOptions = {}): Promise<void> {
    return this.#turns.take(() => this.#leave('disconnect', options));
  }

  /** Be a member no longer. As {@link disconnect}; it may be done while it is away, too. */
  deregister(options: CommandOptions = {}): Promise<void> {
    return this.#turns.take(() => this.#leave('deregister', options));
  }

  /**
   * Send a message to all members, this one included.
   * @returns resolves when the message is durable
   * @throws LatecomerError `ERR_NOT_CONNECTED` when it is not connected, and those of `Client.publish`
   */
  msend(message: T, { signal }: CommandOptions = {}): Promise<Acknowledgement> {
    if (this.#attendance === undefined) return quiet(Promise.reject(this.#notConnected()));
    return this.#publisher.publish([this.#settings.values.encode(message)], signal);
  }

  /**
   * The messages, each once and in order, until the participant is disconnected or deregistered; call it again after
   * {@link reconnect}. A message is acknowledged when the next one is asked for: the last one of a loop that was left comes
   * again, to another process. It throws when the participant is out of the group without having asked for it.
   * @throws LatecomerError `ERR_NOT_CONNECTED` before the first command
   */
  messages(): AsyncIterableIterator<Message<T>, undefined> {
    if (this.position === undefined) throw this.#notConnected();
    return this.#reader.messages();
  }

  /** The same messages a block at a time; a block is acknowledged as a whole, when the next one is asked for. */
  blocks(): AsyncIterableIterator<MessageBlock<T>, undefined> {
    if (this.position === undefined) throw this.#notConnected();
    return this.#reader.blocks();
  }

  /** Let go of every connection, without a command: the server finds the participant away. Never rejects. */
  async close(): Promise<void> {
    this.#acknowledge();
    this.#attendance?.close();
    this.#over(new LatecomerError('ERR_CLOSED', 'the participant was closed'));
    this.#reader.renew();
    this.#reader.end();
  }

  async #join(action: 'register' | 'reconnect', options: ReconnectGroupOptions): Promise<Membership> {
    if (this.#attendance) {
      const code = action === 'register' ? 'ERR_ID_IN_USE' : 'ERR_ALREADY_CONNECTED';
      throw new LatecomerError(
        code,
        `participant ${this.#identity.participant} is connected already: disconnect first`,
      );
    }
    if (options.position) this.#reader.resume(options.position);
    this.#reader.renew();
    this.#attendance = this.#attend(options.listen);
    try {
      return membershipOf(await this.#attendance.join(action, options.signal));
    } catch (error) {
      this.#attendance = undefined;
      throw error;
    }
  }

  async #leave(action: 'disconnect' | 'deregister', { signal }: CommandOptions): Promise<void> {
    const attendance = this.#attendance;
    const environment = this.#environment;
    if (attendance === undefined) {
      const command = { action, ...this.#identity };
      await insist(() => shortCommand({ server: this.#server(), environment }, command, signal), environment, signal);
      return;
    }
    if (attendance.online) await this.#publisher.idle(this.#settings.closeMs);
    this.#acknowledge();
    const done = action === 'disconnect' ? 'disconnected' : 'deregistered';
    try {
      await attendance.leave(action, signal);
    } finally {
      this.#over(new LatecomerError('ERR_NOT_CONNECTED', `the participant ${done} before this was acknowledged`));
      this.#reader.end();
    }
  }

  #attend(listen: number | undefined): Attendance {
    const { reconnect } = this.#settings;
    const reader = this.#reader;
    return new Attendance({
      server: this.#server(),
      environment: this.#environment,
      identity: { ...this.#identity, instance: randomUUID() },
      listen,
      reconnect,
      position: () => reader.position,
      events: {
        online: (member) => {
          reader.begin(member);
          this.#publisher.online();
        },
        block: (frame) => reader.block(frame),
        lost: (range) => reader.lost(range),
        live: (seq) => reader.live(seq),
        disconnected: (error, retryMs) => {
          reader.broken();
          this.#publisher.offline();
          this.emit('disconnected', { error, retryMs });
        },
        connected: (member) => this.emit('connected', membershipOf(member)),
        over: (error) => {
          this.#over(error);
          reader.end(error);
          this.emit('left', error);
        },
      },
    });
  }

  #over(error: LatecomerError): void {
    this.#attendance = undefined;
    this.#publisher.end(error);
  }

  /** The settings of a connection; without a login it is one for commands and messages, which publishes nothing. */
  #server(login?: ConnectionOptions['login']): ConnectionOptions {
    const { host, port, connectMs } = this.#settings;
    return { host, port, connectMs, login: login ?? loginOf({ ...this.#settings, publisher: '', source: undefined }) };
  }

  #onHeld(bytes: number): void {
    const { receiveBytesMax } = this.#settings;
    const before = this.#heldBytes;
    this.#heldBytes += bytes;
    if (bytes > 0 && this.#heldBytes > receiveBytesMax) this.#attendance?.pause();
    else if (before > receiveBytesMax / 2 && this.#heldBytes <= receiveBytesMax / 2) this.#attendance?.resume();
  }

  /** Once a turn, so that a fast consumer does not send a frame per message. */
  #acknowledgeSoon(): void {
    if (this.#acknowledging) return;
    this.#acknowledging = true;
    setImmediate(() => {
      this.#acknowledging = false;
      this.#acknowledge();
    });
  }

  #acknowledge(): void {
    if (!this.#attendance?.online) return;
    const seq = this.#reader.takeAcknowledgement();
    if (seq !== undefined) this.#attendance.delivered(seq);
  }

  #notConnected(): LatecomerError {
    const message = `participant ${this.#identity.participant} is not connected: register or reconnect first`;
    return new LatecomerError('ERR_NOT_CONNECTED', message);
  }
}
