import type { Socket } from 'node:net';
import type { Tellable, Topics } from './behaviour.js';

/** How an actor ended. */
export interface Exit {
  /** Exit code of its process; `null` when a signal ended it, and for an in-memory actor. */
  code: number | null;
  /** The signal that ended its process. */
  signal: NodeJS.Signals | null;
  /** Whether {@link Ref.stop}, or the stop of its parent, asked for it. */
  expected: boolean;
}

/** How long an ask may take. */
export interface AskOptions {
  timeoutMs: number;
}

/**
 * A typed reference to an actor, in this process or in a forked one. Messages of one sender, tells and asks together,
 * are handled in the order they were sent; handlers that await do interleave (see Mailbox).
 */
export interface Ref<Protocol extends Topics> {
  readonly name: string;
  /** The process the actor lives in. */
  readonly pid: number;
  /** Resolves once, never rejects: the forked process has ended, or the in-memory actor has stopped. */
  readonly exited: Promise<Exit>;

  /**
   * Send and forget. A message to an actor that has stopped is dropped; a handler that throws is a programmer error and
   * ends the process it runs in.
   */
  tell<Topic extends Tellable<Protocol>>(topic: Topic, payload: Protocol[Topic][0]): void;

  /**
   * Send and wait for the reply.
   * @throws TimeoutError `ERR_ASK_TIMEOUT` past the deadline; ActorError `ERR_ACTOR_STOPPED` when there is no such actor
   * any more; else what the handler threw: in-memory the same object, from a fork an Error with its name, message, code,
   * stack and fields
   */
  ask<Topic extends keyof Protocol>(
    topic: Topic,
    payload: Protocol[Topic][0],
    options: AskOptions,
  ): Promise<Protocol[Topic][1]>;

  /**
   * Stop the actor and its children, children first. Resolves within a bound: a fork that does not stop is killed, an
   * in-memory actor that does not is given up. Never rejects; may be called again. Do not await it inside a handler of
   * the same actor.
   */
  stop(): Promise<void>;

  /**
   * Hand an accepted, paused socket to the actor's `onSocket`; the socket then belongs to its process.
   * @param meta facts about the socket; JSON values only when the actor is forked
   * @returns false when the actor cannot take it (stopped, or too many are under way): the socket is still the caller's
   */
  sendSocket(socket: Socket, meta: object): boolean;
}
