import { spawn } from 'node:child_process';
import { appendFile, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { connect } from '../../client/index.js';
import { eventually } from '../support/deadline.js';
import { LatecomerProcess } from '../support/latecomer-process.js';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { inspect, inspectUntil } from './support/inspection.js';
import { signal } from './support/processes.js';
import { readLog } from './support/read-log.js';

const arena = useArena();

const inputs = (...list: object[]) => ['--inputs', JSON.stringify(list)];

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`);

/** A server under its supervisor, with that standard input. */
async function serve(stdin: 'pipe' | number): Promise<LatecomerProcess> {
  const data = await arena.directory();
  const args = ['serve', '--data', data, '--port', '0', ...inputs({ kind: 'stdin', name: 'in' })];
  const server = new LatecomerProcess(args, { cwd: data, stdio: [stdin, 'pipe', 'pipe'] });
  arena.defer(async () => {
    signal(server.pid, 'SIGTERM');
    await server.closed;
  });
  await server.listening();
  return server;
}

test('standard input that is a file is in the log once and in order, over kill -9 of the server under its supervisor', async () => {
  const file = join(await arena.directory(), 'lines');
  const lines = numbered(400_000);
  await writeFile(file, lines.join('\n'));
  const handle = await open(file, 'r');
  const server = await serve(handle.fd);
  await handle.close();
  const { port } = server;
  const follower = await Follower.start({ port, from: 1, wait: true });
  arena.defer(() => follower.stop());
  await follower.reached(1);
  const { pid } = await inspect(port);
  signal(pid, 'SIGKILL');
  await inspectUntil(port, (state) => state.pid !== pid, 'the next server');
  await follower.reached(lines.length);
  expect(follower.texts).toEqual(lines);
});

test('what is piped into a server is in the log, and its supervisor hands the pipe to the next one', async () => {
  const server = await serve('pipe');
  const { port } = server;
  const follower = await Follower.start({ port, from: 1, wait: true });
  arena.defer(() => follower.stop());
  server.child.stdin!.write('one\ntwo\n');
  await follower.reached(2);
  const { pid } = await inspect(port);
  signal(pid, 'SIGKILL');
  await inspectUntil(port, (state) => state.pid !== pid, 'the next server');
  server.child.stdin!.end('three\nfour');
  await follower.reached(4);
  expect(follower.texts).toEqual(['one', 'two', 'three', 'four']);
});

test('an input that fails is given up and reported, while the server and its other inputs go on', async () => {
  const directory = await arena.directory();
  const [file, module] = [join(directory, 'app.log'), join(directory, 'bad.mjs')];
  await writeFile(file, 'one\n');
  await writeFile(module, 'export default { async *read() { throw new Error("no route"); } };');
  const list = [
    { kind: 'module', name: 'bad', path: module },
    { kind: 'module', name: 'none', path: join(directory, 'none.mjs') },
    { kind: 'file', name: 'app', path: file },
  ];
  const server = await arena.start({ flags: inputs(...list) });
  const says = (text: string) =>
    server.logLine(({ msg, input }) => msg?.includes(text) === true && input === 'bad', text);
  await says('starting it anew');
  await server.logLine(({ msg, input }) => msg?.includes('goes on without it') === true && input === 'none', 'the end');
  await appendFile(file, 'two\n');
  const follower = await Follower.start({ port: server.port, from: 1, wait: true });
  arena.defer(() => follower.stop());
  await follower.reached(2);
  expect(await readLog(server.port)).toEqual(['one', 'two']);
});

test('a line rolls the session; what is behind it is in the next one, also after kill -9', async () => {
  const file = join(await arena.directory(), 'app.log');
  await writeFile(file, 'one\nEND OF DAY\ntwo\n');
  const flags = inputs({ kind: 'file', name: 'app', path: file, endOfDay: 'END OF DAY' });
  const first = await arena.start({ flags });
  await first.logLine(({ msg }) => msg === 'session ended', 'the end of the session');
  await first.kill();
  const { port } = await arena.start({ data: first.data, flags });
  const follower = await Follower.start({ port, from: 1, wait: true });
  arena.defer(() => follower.stop());
  await follower.reached(1);
  expect(follower.texts).toEqual(['two']);
});

test('a relay has all of its server, over kill -9 of both while it is published to', { timeout: 120_000 }, async () => {
  let upstream = await arena.start();
  const flags = inputs({ kind: 'relay', name: 'up', port: upstream.port });
  let relay = await arena.start({ flags });
  await relay.logLine(({ msg }) => msg === 'session open', 'the session of the other server');
  const lines = numbered(60_000);
  const publisher = spawn(
    process.execPath,
    [new URL('../../dist/cli/latecomer.js', import.meta.url).pathname, 'publish', '--port', `${upstream.port}`],
    { stdio: ['pipe', 'ignore', 'ignore'] },
  );
  arena.defer(() => void publisher.kill('SIGKILL'));
  publisher.stdin.on('error', () => {});
  publisher.stdin.end(lines.join('\n'));
  const follower = await Follower.start({ port: relay.port, from: 1, wait: true });
  arena.defer(() => follower.stop());
  await follower.reached(1);
  await relay.kill();
  relay = await arena.start({ data: relay.data, port: relay.port, flags });
  await follower.reached(lines.length / 2);
  await upstream.kill();
  upstream = await arena.start({ data: upstream.data, port: upstream.port });
  await follower.reached(lines.length);
  expect(follower.texts).toEqual(lines);
  expect(await readLog(upstream.port)).toEqual(lines);
});

test('what is discarded at a server is discarded at its relay, over kill -9 of both', async () => {
  const placement = 'edges';
  let upstream = await arena.start({ placement });
  const flags = inputs({ kind: 'relay', name: 'up', port: upstream.port });
  let relay = await arena.start({ placement, flags });
  const operator = await connect({ port: upstream.port });
  arena.defer(() => operator.close());
  const rolled: string[] = [];
  for (let roll = 1; roll <= 2; roll += 1) {
    await operator.publish(Buffer.from('a price'));
    rolled.push((await operator.roll({ reason: 'enough' })).ended!.session);
  }
  const reader = await connect({ port: relay.port, publisher: false });
  arena.defer(() => reader.close());
  const marks = async () =>
    (await reader.sessions())
      .filter(({ state }) => state === 'ended')
      .map(({ discardReason }) => discardReason ?? 'none');
  const marked = (...expected: string[]) =>
    eventually(async () => isDeepStrictEqual(await marks(), expected) || undefined, `the marks ${expected}`);
  const discard = (session: string, reason: string) => operator.discard({ session, reason });
  await marked('none', 'none');
  await discard(rolled[0]!, 'wrong prices');
  await marked('wrong prices', 'none');
  await relay.kill();
  await discard(rolled[1]!, 'wrong day');
  await upstream.kill();
  relay = await arena.start({ data: relay.data, port: relay.port, placement, flags });
  upstream = await arena.start({ data: upstream.data, port: upstream.port, placement });
  await marked('wrong prices', 'wrong day');
  const told: string[] = [];
  for (const session of rolled) {
    const subscription = reader.subscribe({ session, from: 1 });
    subscription.on('ended', ({ discardReason = 'none' }) => told.push(discardReason));
    for await (const { payload } of subscription) expect(Buffer.from(payload).toString()).toBe('a price');
  }
  expect(told).toEqual(['wrong prices', 'wrong day']);
});
