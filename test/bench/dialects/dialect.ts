/** The protocols the load processes speak. */
export type DialectName = 'latecomer' | 'nats' | 'jetstream' | 'redis' | 'redis-streams';

/** What a follower is to do. */
export interface FollowOrder {
  /** First message wanted, 1 is the oldest; absent is live only. */
  from?: number;
  payloadBytes: number;
  /** Follow another stream, to which nobody publishes. */
  elsewhere?: true;
}

/** Who is told what a follower sees. */
export interface FollowListener {
  /** It is subscribed: whatever is published from now on reaches it. */
  ready(): void;
  /** It has all there was and gets what comes, where the protocol says so. */
  live?(): void;
  /** The payload of each message, for as long as the call lasts. Messages are only counted when absent. */
  payload?(payload: Buffer): void;
}

/** What a publisher is to do. */
export interface PublishOrder {
  payloadBytes: number;
  /** Messages of one publish: in one frame where the protocol has such, in one write elsewhere. */
  batch: number;
}

/** Who is told what a publisher hears. */
export interface PublishListener {
  /** It is logged in. */
  ready(): void;
  /** That many more publishes were acknowledged, oldest first. */
  acknowledged(publishes: number): void;
}

/** One end of a protocol: what it says first, and what it makes of what it hears. */
export interface Speaker {
  /** Bytes to send once connected. */
  readonly greeting: Buffer;
  /** Takes what came in; the bytes are its own for the duration of the call only. */
  read(bytes: Buffer): void;
  /** Bytes to send now and then on an idle connection. */
  readonly heartbeat?: Buffer;
}

/** Counts the messages that reach a subscriber. */
export interface Follower extends Speaker {
  /** Messages whose start has arrived. */
  readonly messages: number;
  /** Whether the last of them has arrived to its end. */
  readonly isWhole: boolean;
  /** Times it fell behind the live stream and came back to it. */
  readonly fellBehind: number;
}

/** Makes publishes. */
export interface Publisher extends Speaker {
  /** The bytes of the next publish. @param payload the payload of each of its messages, instead of a constant one */
  publish(payload?: Buffer): readonly Buffer[];
}

/** A protocol. @param write sends bytes on the connection the speaker is for */
export interface Dialect {
  follower(order: FollowOrder, to: FollowListener, write: (bytes: Buffer) => void): Follower;
  publisher(order: PublishOrder, to: PublishListener): Publisher;
}
