import type { GroupCommand } from '../../protocol/index.js';
import type { ConnectionOptions } from '../connection.js';
import type { Environment } from '../environment.js';
import { abortedError, LatecomerError } from '../errors.js';
import { type Member, MemberConnection, type MemberConnectionEvents } from './member-connection.js';

/** How the messages of a participant reach it. */
export interface MessagePath {
  /**
   * Send a command that asks for messages, over a connection of its own; they have begun when it resolves, and may have
   * ended again. What is left of an earlier one is closed first.
   * @throws LatecomerError what the server rejected it with, or why it cannot be sent
   */
  join(command: GroupCommand, signal?: AbortSignal): Promise<Member>;
  /** Send a command that ends the messages; those that were on their way have come when it resolves. */
  leave(command: GroupCommand, signal?: AbortSignal): Promise<Member>;
  /** Tell the server that everything up to a number is done with. */
  delivered(seq: number): void;
  /** Stop reading messages until {@link MessagePath.resume}. */
  pause(): void;
  resume(): void;
  /** Let go of its connections and its port; `closed` is not told of it. */
  close(): void;
}

/** What a path needs around it. */
export interface PathSurroundings {
  server: ConnectionOptions;
  environment: Environment;
  events: MemberConnectionEvents;
}

const nothing: MemberConnectionEvents = {
  online: () => {},
  block: () => {},
  lost: () => {},
  live: () => {},
  unsubscribed: () => {},
  closed: () => {},
};

/** Why a connection is closed that is not needed any more. */
export function doneError(): LatecomerError {
  return new LatecomerError('ERR_CLOSED', 'the connection was closed, as it is not needed any more');
}

/** A connection that carries a command and no messages. */
export function openForCommand(
  { server, environment }: Pick<PathSurroundings, 'server' | 'environment'>,
  signal?: AbortSignal,
): Promise<MemberConnection> {
  return MemberConnection.open(server, environment, nothing, signal);
}

/** Send a command over a connection that is closed behind the answer. */
export async function shortCommand(
  surroundings: Pick<PathSurroundings, 'server' | 'environment'>,
  command: GroupCommand,
  signal?: AbortSignal,
): Promise<Member> {
  const connection = await openForCommand(surroundings, signal);
  return askUnlessAborted(connection, command, signal).finally(() => connection.close(doneError()));
}

/** Ask, and close the connection when the signal is aborted meanwhile. */
export async function askUnlessAborted(
  connection: MemberConnection,
  command: GroupCommand,
  signal?: AbortSignal,
): Promise<Member> {
  const abort = (): void => connection.close(abortedError(signal!, command.action));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return connection.ask(command).finally(() => signal?.removeEventListener('abort', abort));
}
