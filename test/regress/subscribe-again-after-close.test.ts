import { expect, it } from 'vitest';
import { startPair, take } from '../client/setup.js';

it('subscribes anew although a reader that was closed before its answer still stands in the way', async () => {
  const { connection, client } = await startPair();
  client.subscribe({ session: 'S1', from: 1 }).close();
  const again = client.subscribe({ session: 'S1', from: 1 });
  await connection.subscribed({ lastSeq: 1 });
  const { request } = await connection.take('SUBSCRIBE');
  connection.send({
    type: 'REJECTED',
    request,
    code: 'ERR_ALREADY_SUBSCRIBED',
    message: 'this connection has a subscription of that log',
    remedy: 'never',
  });
  expect(await connection.take('UNSUBSCRIBE')).toMatchObject({ log: 1 });
  connection.send({ type: 'UNSUBSCRIBED', log: 1 });
  await connection.subscribed({ lastSeq: 1 });
  connection.messages(1, ['one']);
  const [message] = await take(again[Symbol.asyncIterator](), 1);
  expect(message).toMatchObject({ seq: 1 });
});
