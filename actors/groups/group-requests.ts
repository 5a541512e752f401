import { type ClientMessage, limits, ProtocolError } from '../../protocol/index.js';
import type { Connection } from '../connection.js';
import type { Origin } from '../origin.js';
import { Participation, type ParticipationContext } from './participation.js';

type Of<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>;

/** What one connection asks for as a participant, and the streams it has. */
export class GroupRequests {
  readonly #connection: Connection;
  readonly #origin: Origin;
  readonly #context: ParticipationContext;
  /** By group: of each at most one. */
  readonly #participations = new Map<string, Participation>();

  constructor(connection: Connection, origin: Origin, context: ParticipationContext) {
    this.#connection = connection;
    this.#origin = origin;
    this.#context = context;
  }

  /** Streams there are. */
  get size(): number {
    let size = 0;
    for (const { running } of this.#participations.values()) if (running) size += 1;
    return size;
  }

  /** Whether a stream of this log is there. */
  has(log: number): boolean {
    return this.#of(log)?.running === true;
  }

  /** @param isSubscribed whether the connection has a subscription of that log */
  async command(message: Of<'GROUP'>, isSubscribed: (log: number) => boolean): Promise<void> {
    const { type: _, request, ...command } = message;
    const { group, participant, action, address } = command;
    const connects = (action === 'register' || action === 'reconnect') && !address;
    if (connects) await this.#refuseSecond(group, participant, isSubscribed);
    const participation = new Participation(participant, this.#connection, this.#context);
    const answer = await this.#origin.group({ ...command, from: this.#connection.address }, participation);
    this.#connection.send({ type: 'MEMBER', request, ...answer.member });
    if (!answer.stream) return;
    this.#participations.set(group, participation);
    await participation.start(answer.stream);
  }

  /** What is acknowledged behind the end of a stream crosses it. */
  delivered({ log, seq }: Of<'DELIVERED'>): void {
    this.#of(log)?.delivered(seq);
  }

  /** The client wants nothing more of this log: as if its connection had broken. */
  unsubscribe(log: number): void {
    this.#of(log)?.close(0);
  }

  drained(): void {
    for (const participation of this.#participations.values()) participation.drained();
  }

  closed(): void {
    for (const participation of this.#participations.values()) participation.close(this.#connection.silentMs);
    this.#participations.clear();
  }

  #of(log: number): Participation | undefined {
    for (const participation of this.#participations.values()) if (participation.log === log) return participation;
    return undefined;
  }

  /** Frames of a stream name the log alone, so there is one of each on a connection. */
  async #refuseSecond(group: string, participant: string, isSubscribed: (log: number) => boolean): Promise<void> {
    const other = this.#participations.get(group);
    if (other?.running && other.participant !== participant) {
      const message = `this connection is that of participant ${other.participant} of group ${group}`;
      throw new ProtocolError('ERR_ALREADY_SUBSCRIBED', message);
    }
    if (this.size >= limits.subscriptionsPerConnectionMax) {
      const message = `this connection is that of ${this.size} participants, limit ${limits.subscriptionsPerConnectionMax}`;
      throw new ProtocolError('ERR_TOO_MANY_SUBSCRIPTIONS', message);
    }
    if (!this.#origin.groups.includes(group)) return;
    const { log } = await this.#origin.findSession(group, '');
    if (!isSubscribed(log)) return;
    throw new ProtocolError(
      'ERR_ALREADY_SUBSCRIBED',
      `this connection has a subscription to group ${group} (log ${log})`,
    );
  }
}
