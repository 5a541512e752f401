import type { LossReason } from '../../protocol/index.js';
import type { LatecomerError } from '../errors.js';
import type { ConnectOptions } from '../options.js';

/** Options of a {@link Participant}; those of its connections are the ones of `connect`. */
export interface ParticipantOptions<T = Uint8Array> extends Omit<ConnectOptions<T>, 'source' | 'publisher' | 'signal'> {
  group: string;
  /** Its id, which no other participant of the group has. */
  id: string;
  /** How long it may be away and lose nothing, in milliseconds, when that is less than the group allows. */
  tdMs?: number;
  /** Have each message sent in a frame of its own. */
  single?: boolean;
}

/** Where a participant is in the messages of its group. */
export interface GroupPosition {
  /** Identity of the numbering. */
  epoch: string;
  /** Number of the last message it has done with. */
  seq: number;
}

/** Options of a participant's commands. */
export interface CommandOptions {
  /** Its abort rejects with `ERR_ABORTED`; what has been sent by then may still be done. */
  signal?: AbortSignal;
}

/** Options of {@link Participant.register}. */
export interface RegisterOptions extends CommandOptions {
  /**
   * Listen on this port, to which the server connects and sends the messages; 0 picks one. Absent: they come over the
   * participant's own connection.
   */
  listen?: number;
}

/** Options of {@link Participant.reconnect}. */
export interface ReconnectGroupOptions extends RegisterOptions {
  /** How far this participant is, when it knows better than the server. @defaultValue how far this object is */
  position?: GroupPosition;
}

/** What a participant is in its group. */
export interface Membership {
  state: 'online' | 'away' | 'deregistered';
  /** Identity of the numbering, to be kept with a position. */
  epoch: string;
  /** The first number it gets, or is told of as lost. */
  from: number;
  /** The last number of the group. */
  lastSeq: number;
  /** How long it may be away and lose nothing, in milliseconds. */
  tdMs: number;
}

/** Events of a {@link Participant}; `live` and `lost` come in order with the messages. */
export interface ParticipantEvents {
  /** Everything up to `seq` has been handed out; what follows comes as it is sent. */
  live: { seq: number };
  /** Messages [from..to] will not be delivered: it was away for too long (`expired`), or they are damaged. */
  lost: { from: number; to: number; reason: LossReason };
  /** Its connection broke, it counts as away; the next attempt to reconnect is made after `retryMs`. */
  disconnected: { error: LatecomerError; retryMs: number };
  /** It has reconnected after a break. */
  connected: Membership;
  /** It is not connected any more, without having asked for it, and does not try again; {@link Participant.messages} throws the error. */
  left: LatecomerError;
}
