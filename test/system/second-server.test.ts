import { expect, test } from 'vitest';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import type { ServerProcess } from './support/server-process.js';

const arena = useArena();

/** Ends by itself, with a status that is not 0 and one line that says why. */
async function failure(server: ServerProcess): Promise<string> {
  const { code } = await within(server.exited, 'the second server to end');
  await server.closed;
  expect(code).toBe(69);
  expect(server.out).toBe('');
  const lines = server.log.filter(({ level }) => level === undefined);
  expect(lines.length).toBe(1);
  return String(lines[0]!.msg);
}

test.each([true, false])(
  'a second server on a directory ends with one clear line (supervised: %s)',
  async (supervised) => {
    const first = await arena.start();
    const publisher = new GoBackNPublisher({ port: first.port, publisher: 'p' });
    arena.defer(() => publisher.stop());
    publisher.publishTo(10);
    await publisher.acknowledged(10);
    const line = await failure(await arena.launch({ data: first.data, supervised }));
    expect(line).toContain(`another server has the data directory ${first.data} open`);
    publisher.publishTo(20);
    await publisher.acknowledged(20);
    expect(publisher.connections).toBe(1);
  },
);

test('a second server on a port ends with one clear line and lets go of its directory', async () => {
  const first = await arena.start();
  const data = await arena.directory();
  const line = await failure(await arena.launch({ data, port: first.port, supervised: true }));
  expect(line).toContain(`:${first.port} is in use`);
  await arena.start({ data });
});
