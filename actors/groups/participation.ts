import { ProtocolError } from '../../protocol/index.js';
import type { Connection } from '../connection.js';
import type { Framing } from '../framing.js';
import type { OpenSubscription, SubscriptionStart } from '../subscription.js';
import type { MemberOwner, MemberStream, StreamFailure } from './member-stream.js';
import { SingleOutlet } from './single-outlet.js';

/** What the participants of a process need around them. */
export interface ParticipationContext {
  /** Start a subscription; it lives until it ends or is stopped. */
  subscribe(start: SubscriptionStart): Promise<OpenSubscription>;
  /** Cuts blocks for those who want one message per frame. */
  singles: Framing;
}

/** A participant's stream on its connection: an ordinary subscription, of which the group learns how far it is and when it ends. */
export class Participation implements MemberOwner {
  readonly participant: string;
  readonly #connection: Connection;
  readonly #context: ParticipationContext;
  readonly #over: () => void;
  #stream: MemberStream | undefined;
  #subscription: OpenSubscription | undefined;
  #left = false;

  /** @param over called once, when nothing more is sent because the participant has left */
  constructor(participant: string, connection: Connection, context: ParticipationContext, over: () => void = () => {}) {
    this.participant = participant;
    this.#connection = connection;
    this.#context = context;
    this.#over = over;
  }

  /** Number of the log; unset before {@link start}. */
  get log(): number | undefined {
    return this.#stream?.session.log;
  }

  /** Whether messages are sent, or will be. */
  get running(): boolean {
    return !this.#left;
  }

  /** Begin to deliver, behind the MEMBER that was sent. */
  async start(stream: MemberStream): Promise<void> {
    this.#stream = stream;
    const { session, from, next, single } = stream;
    if (from < next) {
      this.#connection.send({ type: 'LOST', log: session.log, from, to: next - 1, reason: 'expired' });
    }
    const subscription = await this.#context.subscribe({
      session,
      next,
      pull: false,
      client: this.participant,
      outlet: single ? new SingleOutlet(this.#connection, this.#context.singles) : this.#connection,
      over: () => this.#ended(),
    });
    this.#subscription = subscription;
    if (this.#connection.closing) this.close(0);
    else if (this.#left) subscription.stop();
  }

  drained(): void {
    this.#subscription?.drained();
  }

  /** @throws ProtocolError `ERR_BAD_MESSAGE` when `seq` was not sent */
  delivered(seq: number): void {
    const next = this.#subscription?.next;
    if (next !== undefined && seq >= next) {
      throw new ProtocolError('ERR_BAD_MESSAGE', `DELIVERED ${seq}, while the next number to be sent is ${next}`);
    }
    this.#stream?.open.delivered(seq);
  }

  left(why?: StreamFailure): void {
    this.#left = true;
    this.#subscription?.stop();
    if (this.#stream) {
      const remedy = why && { remedy: 'reconnect' as const };
      this.#connection.send({ type: 'UNSUBSCRIBED', log: this.#stream.session.log, ...why, ...remedy });
    }
    this.#over();
  }

  /** The connection is gone, or its client wants nothing more of this. @param silentMs as {@link Connection.silentMs} */
  close(silentMs: number): void {
    this.#left = true;
    this.#subscription?.stop();
    this.#stream?.open.close(silentMs);
  }

  /** The subscription is over: by itself, which it has told the client, unless it was stopped. */
  #ended(): void {
    if (this.#left) return;
    this.#left = true;
    this.#stream?.open.close(0);
    this.#over();
  }
}
