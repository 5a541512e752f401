import { expect, it } from 'vitest';
import { connect, json, msgpack, type Values } from '../../client/index.js';
import { within } from '../support/deadline.js';
import { textsOf } from './fake-server.js';
import { startServer, take, thrownBy } from './setup.js';

interface Price {
  symbol: string;
  price: number;
}

it('publishes and hands out JSON values', async () => {
  const server = await startServer();
  const connecting = connect({ port: server.port, values: json as Values<Price>, closeMs: 1 });
  const connection = await server.accept();
  await connection.login();
  const client = await connecting;
  void client.publish({ symbol: 'LTC', price: 1.5 });
  expect(textsOf(await connection.take('PUBLISH'))).toEqual(['{"symbol":"LTC","price":1.5}']);
  const iterator = client.subscribe({ from: 1 })[Symbol.asyncIterator]();
  await connection.subscribed();
  connection.messages(1, ['{"symbol":"LTC","price":2}', 'not JSON', '{}']);
  const [message] = await take(iterator, 1);
  expect(message!.payload.price).toBe(2);
  expect(await thrownBy(iterator)).toMatchObject({ code: 'ERR_BAD_VALUE', facts: { session: 'S1', seq: 2 } });
  expect((await iterator.next()).done).toBe(true);
  await connection.take('UNSUBSCRIBE');
  await within(client.close(), 'close()');
});

it('round-trips JSON and msgpack values', () => {
  const value = { list: [1, -2.5, 'three', null], nested: { yes: true } };
  for (const values of [json, msgpack]) expect(values.decode(values.encode(value))).toEqual(value);
  expect(Buffer.from(json.encode(undefined)).toString()).toBe('null');
});

it('refuses JSON that is not UTF-8', () => {
  expect(() => json.decode(Buffer.from([0x22, 0xff, 0x22]))).toThrow(TypeError);
});
