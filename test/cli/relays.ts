import type { ServerConfig } from '../../actors/server-config.js';
import type { SessionSummary } from '../../client/index.js';
import { type Roll, Store } from '../../storage/index.js';
import { directoryOfTest } from '../actors/inputs/reading.js';
import { ServerWithInputs } from '../actors/inputs/server.js';
import { silent } from '../actors/support.js';
import { TestPublisher } from '../storage/store-under-test.js';
import { eventually } from '../support/deadline.js';
import { texts } from '../support/payloads.js';

/** A server, with a relay of another one if that is named by its port. */
export function startServer(upstream?: number, config: Partial<ServerConfig> = {}): Promise<ServerWithInputs> {
  return ServerWithInputs.start(upstream === undefined ? [] : [relayOf(upstream)], config);
}

/** The configuration of a relay. */
export function relayOf(port: number, more: object = {}): object {
  return { kind: 'relay', name: 'up', port, ...more };
}

/** How the store of a server that is stopped is opened. */
function onDisk(directory: string) {
  return { directory, durability: 'os', clock: Date.now, logger: silent, diskReserveBytes: 0 } as const;
}

/** Do something with the store of a server that is stopped. */
export async function withStore<Result>(directory: string, work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await Store.open(onDisk(directory));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** What sessions hold, by name; a number leaves so many messages out. */
type Contents = Record<string, (string | number)[]>;

/**
 * Put sessions behind those of a store.
 * @param rollTo how the session in front of one ends
 */
export async function appendSessions(
  store: Store,
  sessions: Contents,
  rollTo: (session: string) => Omit<Roll, 'session'> = (session) => ({ reason: `then ${session}` }),
): Promise<void> {
  for (const [session, messages] of Object.entries(sessions)) {
    const active = store.activeSession('main');
    if (active) await store.rollSession(active, { session, ...rollTo(session) });
    else await store.createSession('main', session);
    await append(store, messages);
  }
}

/** Publish to the active session of a store. */
export async function append(store: Store, messages: (string | number)[]): Promise<void> {
  const log = store.activeSession('main')!;
  const publisher = new TestPublisher(store.committer, log);
  for (const message of messages) {
    if (typeof message === 'number') log.skipTo(log.nextSeq + message);
    else await publisher.publish(texts(message));
  }
}

/** A directory as a server would leave it, with sessions one behind the other. */
export async function storedSessions(sessions: Contents): Promise<string> {
  const data = await directoryOfTest();
  await withStore(data, (store) => appendSessions(store, sessions));
  return data;
}

/** The directories of a server and of its relay, which has all there was, when both have been stopped. */
export async function stoppedPair(messages: string[]): Promise<{ data: string; relayed: string }> {
  const data = await storedSessions({ S1: messages });
  const upstream = await startServer(undefined, { data });
  const relay = await startServer(upstream.port);
  await relay.texts(messages.length);
  await upstream.stop();
  await relay.stop();
  return { data, relayed: relay.data };
}

/** The line of a session in the catalogue of a server, once it is so. */
export function lineOf(
  server: ServerWithInputs,
  session: string,
  is: (line: SessionSummary) => boolean,
): Promise<SessionSummary> {
  const look = async () => (await server.client.sessions()).find((line) => line.session === session && is(line));
  return eventually(look, `the line of session ${session}`);
}
