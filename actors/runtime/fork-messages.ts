import type { EncodedError } from './encoded-error.js';

/** What a fork is told to become, as the first message to it. JSON values only. */
export interface Begin {
  name: string;
  /** `file:` address of the compiled module whose default export is the actor. */
  module: string;
  parameters: unknown;
  /** Level of the parent's logger. */
  logLevel: string;
  /** How long a child of it may take to stop. */
  stopTimeoutMs: number;
}

/** The answer to {@link Begin}. */
export type Begun = { encodedError?: EncodedError };

/** What travels beside comedy's own messages. */
export type SideMessage = SocketMessage | SocketTakenMessage | LogMessage;

/** comedy ignores a message that has an id, another actor's id and a type it does not know. */
interface Aside {
  id: '-';
  actorId: '-';
}

/** Addresses a {@link SideMessage} past comedy. */
export const aside: Aside = { id: '-', actorId: '-' };

/** Parent to fork, with the socket as its handle. */
export interface SocketMessage extends Aside {
  type: 'latecomer-socket';
  /** Which of the sockets sent to this fork. */
  number: number;
  meta: object;
}

/** Fork to parent: it holds the socket now. */
export interface SocketTakenMessage extends Aside {
  type: 'latecomer-socket-taken';
  number: number;
}

/** Fork to parent: one line of its log. */
export interface LogMessage extends Aside {
  type: 'latecomer-log';
  line: string;
}

/** Tell a message of ours from comedy's. */
export function isSideMessage<Type extends SideMessage['type']>(
  message: unknown,
  type: Type,
): message is Extract<SideMessage, { type: Type }> {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === type;
}
