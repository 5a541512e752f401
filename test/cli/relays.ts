import type { ServerConfig } from '../../actors/server-config.js';
import type { SessionSummary } from '../../client/index.js';
import { Store } from '../../storage/index.js';
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
export function onDisk(directory: string) {
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

/**
 * A directory as a server would leave it, with sessions one behind the other; a number leaves so many messages out.
 */
export async function storedSessions(sessions: Record<string, (string | number)[]>): Promise<string> {
  const data = await directoryOfTest();
  await withStore(data, async (store) => {
    for (const [session, messages] of Object.entries(sessions)) {
      const active = store.activeSession('main');
      const log = active
        ? await store.rollSession(active, { session, reason: `then ${session}` })
        : await store.createSession('main', session);
      const publisher = new TestPublisher(store.committer, log);
      for (const message of messages) {
        if (typeof message === 'number') log.skipTo(log.nextSeq + message);
        else await publisher.publish(texts(message));
      }
    }
  });
  return data;
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
