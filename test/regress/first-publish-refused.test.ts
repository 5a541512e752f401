import { expect, it } from 'vitest';
import { loginRaw, startHostileServer } from '../hostile/support.js';

it('takes a lower number when the first publish of a publisher without a record was refused', async () => {
  const server = await startHostileServer();
  const client = await loginRaw(server, { publisher: 'starts late' });
  client.publish(7, [Buffer.from('refused')], 'no such session');
  expect(await client.take('REFUSED')).toMatchObject({ number: 7, code: 'ERR_UNKNOWN_SESSION' });
  client.publish(1, [Buffer.from('first')]);
  expect(await client.take('ACKNOWLEDGED')).toMatchObject({ number: 1, runs: [[1, 1, 1, 1]] });
  client.publish(9, [Buffer.from('leaves a gap')]);
  expect(await client.take('REFUSED')).toMatchObject({ number: 9, code: 'ERR_PUBLISH_NUMBER' });
  client.publish(2, [Buffer.from('second')]);
  expect(await client.take('ACKNOWLEDGED')).toMatchObject({ number: 2, runs: [[2, 1, 2, 1]] });
});
