import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type Client, connect } from '../../client/index.js';
import { eventually } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { Counting } from './support/counting.js';

const arena = useArena();
const kept = 2;

/** A client that is closed after the test. */
async function client(port: number): Promise<Client> {
  const connected = await connect({ port, reconnect: { firstMs: 5, maxMs: 50 }, closeMs: 100 });
  arena.defer(() => connected.close());
  return connected;
}

/** All messages of the sessions a server has, each at its place: what it says, and where it is. */
async function messagesOf(reader: Client): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { session, firstSeq, lastSeq } of await reader.sessions()) {
    if (lastSeq < firstSeq) continue;
    for await (const { seq, payload } of reader.rerequest({ session, from: firstSeq, to: lastSeq })) {
      found.set(`${session} ${seq}`, Buffer.from(payload).toString());
    }
  }
  return found;
}

test('whatever a server is killed at, archives and log have every message: verifying, archiving, removing, restoring', {
  timeout: 180_000,
}, async () => {
  const archives = await arena.directory();
  let flags = ['--archive-directory', archives, '--retention-count', `${kept}`, '--retention-grace-ms', '1'];
  let server = await arena.start({ flags });
  const { port, data } = server;
  const restart = async () => {
    await server.kill();
    server = await arena.start({ data, port, flags });
  };
  const operator = await client(port);
  const counting = new Counting(await client(port), 3, 2);
  arena.defer(() => counting.cancel());

  // Behind each of these lines the next step has begun.
  const steps = ['session verified', 'session archived', 'session removed by retention'];
  for (let kill = 0; kill < 2 * steps.length; kill += 1) {
    for (let roll = 0; roll < 2; roll += 1) {
      await counting.reached(counting.acknowledged + 300);
      await operator.roll({ reason: `roll ${kill}` });
    }
    const step = steps[kill % steps.length]!;
    await server.logLine(({ msg }) => msg === step, step);
    await restart();
  }
  await counting.stop();
  const settled = async () => {
    const ended = (await operator.sessions()).filter(({ state }) => state === 'ended');
    return ended.length === kept && ended.every(({ archivedMs }) => archivedMs !== undefined) ? ended : undefined;
  };
  await eventually(settled, 'all but the newest sessions to be archived and removed');

  const names = (await readdir(archives)).flatMap((file) => /^main-(.+)\.latecomer\.gz$/.exec(file)?.[1] ?? []);
  expect(names).toHaveLength(4 * steps.length);
  flags = ['--archive-directory', archives];
  await restart();
  const there = new Set((await operator.sessions()).map(({ session }) => session));
  for (const [index, session] of names.filter((name) => !there.has(name)).entries()) {
    const first = operator.restore({ session }).catch(() => {});
    if (index % 3 === 0) await restart();
    await first;
    await eventually(() => isRestored(operator, session), `session ${session} to be restored`);
  }
  const found = await messagesOf(operator);
  expect(counting.places.map((place) => found.get(place))).toEqual(counting.places.map((_, index) => `${index}`));
});

/** Ask for it, again if need be. */
async function isRestored(operator: Client, session: string): Promise<true | undefined> {
  try {
    await operator.restore({ session });
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'ERR_SESSION_EXISTS' ? true : undefined;
  }
}
