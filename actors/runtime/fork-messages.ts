import type { EncodedError } from './encoded-error.js';

/** What a fork is told to become, as the first message to it. JSON values only. */
export interface Begin {
  name: string;
  /** `file:` address of the compiled module whose default export is the actor. */
  module: string;
  parameters: unknown;
  /** Level of the parent's logger. */
  logLevel: string;
}

/** The answer to {@link Begin}. */
export type Begun = { encodedError?: EncodedError };

/**
 * What our side channel carries beside comedy's own messages. comedy ignores a message that has an id, another actor's id
 * and a type it does not know.
 */
export type SideMessage = SocketMessage | LogMessage;

/** Parent to fork, with the socket as its handle. */
export interface SocketMessage {
  type: 'latecomer-socket';
  id: '-';
  actorId: '-';
  meta: object;
}

/** Fork to parent: one line of its log. */
export interface LogMessage {
  type: 'latecomer-log';
  id: '-';
  actorId: '-';
  line: string;
}

/** Tell a message of ours from comedy's. */
export function isSideMessage<Type extends SideMessage['type']>(
  message: unknown,
  type: Type,
): message is Extract<SideMessage, { type: Type }> {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type;
}
