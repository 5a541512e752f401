import { afterEach } from 'vitest';
import { type Client, type ConnectOptions, connect } from '../../client/index.js';
import { within } from '../support/deadline.js';
import type { FakeConnection } from '../support/fake-connection.js';
import { FakeServer } from './fake-server.js';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A fake server that is stopped after the test. */
export async function startServer(): Promise<FakeServer> {
  const server = await FakeServer.start();
  cleanups.push(() => server.stop());
  return server;
}

/** A client that has logged in at a fake server, and the server's end of its connection. */
export async function startPair(
  options: Partial<ConnectOptions> = {},
  loggedIn: Parameters<FakeConnection['login']>[0] = {},
): Promise<{ server: FakeServer; connection: FakeConnection; client: Client }> {
  const server = await startServer();
  const [client, connection] = await Promise.all([
    connect({ port: server.port, reconnect: { firstMs: 1, maxMs: 10 }, closeMs: 50, ...options }),
    server.accept().then(async (accepted) => {
      await accepted.login(loggedIn);
      return accepted;
    }),
  ]);
  cleanups.push(() => client.close());
  return { server, connection, client };
}

/** The next `count` items of an iterator. */
export async function take<Item>(iterator: AsyncIterator<Item, undefined>, count: number): Promise<Item[]> {
  const items: Item[] = [];
  while (items.length < count) {
    const result = await within(iterator.next(), `item ${items.length + 1} of ${count}`);
    if (result.done) throw new Error(`the iterator ended after ${items.length} of ${count} items`);
    items.push(result.value);
  }
  return items;
}

/** What an iterator throws next. */
export async function thrownBy(iterator: AsyncIterator<unknown, undefined>): Promise<unknown> {
  return rejectionOf(iterator.next());
}

/** What a promise rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await within(promise, 'a rejection');
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection');
}
