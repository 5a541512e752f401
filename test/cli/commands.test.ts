import { PassThrough, Readable } from 'node:stream';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultServerConfig } from '../../actors/server-config.js';
import { type RunningServer, startServer } from '../../actors/start-server.js';
import { main } from '../../cli/main.js';
import { connect } from '../../client/index.js';
import { limits } from '../../protocol/index.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { fakeTerminal } from './fake-terminal.js';

let directory: string;
let remove: () => Promise<void>;
let server: RunningServer;

beforeAll(async () => {
  ({ directory, remove } = await temporaryDirectory());
  const config = {
    ...defaultServerConfig,
    data: directory,
    port: 0,
    sources: ['main', 'bulk', 'quiet', 'binary', 'live', 'large', 'rolled'],
    generator: { ...defaultServerConfig.generator, rate: 0 },
    durability: 'os' as const,
    diskReserveBytes: 0,
  };
  server = await startServer(config, pino({ level: 'silent' }));
});

afterAll(async () => {
  await server?.stop();
  await remove();
});

/** Start a command against the server; `code` resolves with its exit status. */
function begin(argv: readonly string[], given: Parameters<typeof fakeTerminal>[0] = {}) {
  const terminal = fakeTerminal(given);
  const [name, ...rest] = argv;
  const code = main([name!, '--port', String(server.port), ...rest], terminal);
  return { terminal, code };
}

async function run(argv: readonly string[], given: Parameters<typeof fakeTerminal>[0] = {}) {
  const { terminal, code } = begin(argv, given);
  return { code: await code, out: terminal.out(), err: terminal.err() };
}

const seqsOf = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).seq);

describe('publish and tail', () => {
  it('publish arguments and print them as text and as JSON', async () => {
    const published = await run(['publish', 'hello', 'wörld']);
    expect(published.code).toBe(0);
    expect(published.out).toMatch(/^acknowledged 2 of 2 messages; session \S+, numbers 1 to 2, durability os\n$/);
    const plain = await run(['tail', '--from', '1', '--count', '2']);
    expect(plain).toMatchObject({ code: 0, err: '' });
    expect(plain.out).toMatch(/^1\t[-\dT:.]+Z\thello\n2\t[-\dT:.]+Z\twörld\n$/);
    const asJson = await run(['tail', '--from', '2', '--to', '2', '--json']);
    expect(Object.keys(JSON.parse(asJson.out))).toEqual(['session', 'seq', 'time', 'payload']);
    expect(JSON.parse(asJson.out)).toMatchObject({ seq: 2, payload: 'wörld' });
  });

  it('print a payload that is not UTF-8 as base64', async () => {
    const client = await connect({ port: server.port, source: 'binary' });
    await client.publish(Buffer.from([0xff]));
    await client.close();
    const { out } = await run(['tail', '--source', 'binary', '--from', '0', '--count', '1', '--json']);
    expect(JSON.parse(out).payload).toEqual({ base64: '/w==' });
  });

  it('take many lines from stdin and give back exactly those from any number on', async () => {
    const lines = Array.from({ length: 50_000 }, (_, index) => `line ${index + 1}`);
    const stdin = Readable.from([Buffer.from(lines.join('\n'))]);
    const published = await run(['publish', '--source', 'bulk'], { stdin });
    expect(published.code).toBe(0);
    expect(published.out).toMatch(/^acknowledged 50000 of 50000 messages; .* numbers 1 to 50000,/);
    const { out } = await run(['tail', '--source', 'bulk', '--from', '40001', '--to', '50000', '--json']);
    const printed = out.trimEnd().split('\n');
    expect(printed).toHaveLength(10_000);
    expect(printed.map((line) => JSON.parse(line).payload)).toEqual(lines.slice(40_000));
  });

  it('follow the live stream, and end with 130 on Ctrl-C', async () => {
    const follower = begin(['tail', '--source', 'live', '--from', '1', '--wait']);
    const stdin = new PassThrough();
    const publisher = begin(['publish', '--source', 'live'], { stdin });
    for (const word of ['one', 'two', 'three']) {
      stdin.write(`${word}\n`);
      await follower.terminal.outHolds(`\t${word}\n`);
    }
    follower.terminal.interrupt('SIGINT');
    expect(await follower.code).toBe(130);
    expect(follower.terminal.err()).toBe('');
    publisher.terminal.interrupt('SIGINT');
    expect(await publisher.code).toBe(130);
    expect(publisher.terminal.out()).toMatch(/^acknowledged 3 of 3 messages;/);
  });

  it('end quietly when the reader of the output goes away', async () => {
    await run(['publish', '--source', 'quiet', 'a']);
    const { terminal, code } = begin(['tail', '--source', 'quiet', '--from', '1']);
    await terminal.outHolds('\ta\n');
    terminal.stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(await code).toBe(0);
    expect(terminal.err()).toBe('');
  });

  it('publish the largest message there is, as a line and as an argument', async () => {
    const largest = 'x'.repeat(limits.payloadBytesMax);
    const line = await run(['publish', '--source', 'large'], { stdin: Readable.from([Buffer.from(largest)]) });
    expect(line).toMatchObject({ code: 0, err: '' });
    expect(await run(['publish', '--source', 'large', largest])).toMatchObject({ code: 0, err: '' });
  });

  it('publish what precedes a line that is too long, and name that line', async () => {
    const stdin = Readable.from([Buffer.from('short\n'), Buffer.alloc(limits.payloadBytesMax + 1, 'x')]);
    const { code, out, err } = await run(['publish', '--source', 'quiet'], { stdin });
    expect(code).toBe(65);
    expect(out).toMatch(/^acknowledged 1 of 1 message;/);
    expect(err).toMatch(/^latecomer: line 2 is longer than \d+ bytes, the largest message\n$/);
  });

  it('say in one line what the server refuses', async () => {
    const beyond = await run(['tail', '--from', '1000000']);
    expect(beyond).toMatchObject({ code: 1, out: '' });
    expect(beyond.err).toMatch(/^latecomer: .* \(ERR_BEYOND_NEXT\)\n$/);
    expect((await run(['tail', '--session', 'nope'])).err).toMatch(/\(ERR_UNKNOWN_SESSION\)\n$/);
    expect((await run(['publish', '--source', 'nope', 'x'])).err).toMatch(/\(ERR_UNKNOWN_SOURCE\)\n$/);
  });

  it('keep numbers in order with a rate', async () => {
    const published = await run(['publish', '--source', 'quiet', '--rate', '1000', 'b', 'c', 'd']);
    expect(published.out).toMatch(/^acknowledged 3 of 3/);
    const { out } = await run(['tail', '--source', 'quiet', '--from', '1', '--count', '5', '--json']);
    expect(seqsOf(out)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('names with control characters', () => {
  const control = '\x1b[2J\u009b';
  const escaped = '\\u001b[2J\\u009b';

  it.each([
    ['tail', '--session', control],
    ['tail', '--source', control],
    ['publish', '--source', control, 'x'],
    ['sessions', '--source', control],
    ['tail', `--${control}`],
    ['tail', '--from', control],
  ])('reach the terminal escaped when they are refused: %j %j', async (...argv) => {
    const { out, err } = await run(argv);
    expect(out + err).toContain('\\u001b[2J');
    expect((out + err).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  it('reach the terminal escaped in what inspect prints', async () => {
    const client = await connect({ port: server.port, name: control });
    client.subscribe();
    await client.sessions();
    for (const argv of [['inspect'], ['inspect', '--json']]) {
      const { out } = await run(argv);
      expect(out).toContain(escaped);
      expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    }
    await client.close();
  });
});

describe('roll', () => {
  it('ends the session of a source; who tails it goes on with the next one', async () => {
    await run(['publish', '--source', 'rolled', 'one', 'two']);
    const follower = begin(['tail', '--source', 'rolled', '--from', '1']);
    await follower.terminal.outHolds('\ttwo\n');
    const rolled = await run(['roll', '--source', 'rolled', '--reason', 'end of day']);
    expect(rolled).toMatchObject({ code: 0, err: '' });
    expect(rolled.out).toMatch(/^session \d{8}01 ended after message 2: end of day; session \d{8}02 is open\n$/);
    await run(['publish', '--source', 'rolled', 'three']);
    await follower.terminal.outHolds('\tthree\n');
    follower.terminal.interrupt('SIGINT');
    await follower.code;
    expect(follower.terminal.out()).toMatch(/^1\t\S+\tone\n2\t\S+\ttwo\n1\t\S+\tthree\n$/);
    expect(follower.terminal.err()).toMatch(
      /^latecomer: session \d{8}01 ended after message 2: end of day; going on with session \d{8}02\n$/,
    );
  });

  it('discards a session, which is listed as such and can still be read', async () => {
    const discard = [
      'roll',
      '--source',
      'rolled',
      '--session',
      'S02',
      '--discard',
      '--reason',
      'wrong prices',
      '--json',
    ];
    const rolled = JSON.parse((await run(discard)).out);
    expect(rolled).toMatchObject({ ended: { discarded: true, reason: 'wrong prices' }, opened: { state: 'active' } });
    expect(JSON.parse((await run(discard)).out)).toEqual(rolled);
    expect((await run(['sessions', '--source', 'rolled'])).out).toMatch(
      /\n *rolled +\d{8}02 +discarded +1 .+ wrong prices\n/,
    );
    const read = await run(['tail', '--source', 'rolled', '--session', 'S02', '--from', '1']);
    expect(read.out).toMatch(/^1\t\S+\tthree\n$/);
    expect(read.err.replaceAll(/\d{10}/g, 'SESSION').split('\n')).toEqual([
      'latecomer: session SESSION is DISCARDED, what it holds is not to be used: wrong prices',
      'latecomer: session SESSION ended after message 1: wrong prices',
      '',
    ]);
  });

  it('discards a session that has ended already, once, and says why beside why it ended', async () => {
    const discard = ['discard', 'S01', '--source', 'rolled', '--reason'];
    const { out, code } = await run([...discard, 'a test\tday']);
    expect([out, code]).toEqual([expect.stringMatching(/^session \d{8}01 of rolled is discarded: a test\\tday\n$/), 0]);
    expect(JSON.parse((await run([...discard, 'again', '--json'])).out)).toMatchObject({
      discarded: true,
      discardReason: 'a test\tday',
    });
    expect((await run(['sessions', '--source', 'rolled'])).out).toMatch(
      /\n *rolled +\d{8}01 +discarded .+; discarded: a test\\tday\n/,
    );
    const active = await run(['discard', 'S03', '--source', 'rolled', '--reason', 'x']);
    expect(active.err).toMatch(/session \d{8}03 is active: roll it to discard what it holds \(ERR_SESSION_ACTIVE\)\n$/);
    expect((await run(['discard', 'S01'])).err).toContain('--reason is missing');
  });

  it('reads several sessions, one after the other, from the one that is named', async () => {
    const { out } = await run([
      'tail',
      '--source',
      'rolled',
      '--session',
      'S01',
      '--from',
      '2',
      '--follow',
      '--count',
      '2',
    ]);
    expect(out).toMatch(/^2\t\S+\ttwo\n1\t\S+\tthree\n$/);
  });

  it('wants a reason', async () => {
    for (const argv of [['roll'], ['roll', '--reason', ' ']]) {
      const { code, err } = await run(argv);
      expect([code, err]).toEqual([64, 'latecomer: --reason is missing: say why; see latecomer roll --help\n']);
    }
  });

  it('says that there is no such session', async () => {
    const { code, err } = await run(['roll', '--session', 'S77', '--reason', 'why']);
    expect([code, err]).toEqual([1, 'latecomer: source main has no session S77 (ERR_UNKNOWN_SESSION)\n']);
  });
});

describe('sessions and inspect', () => {
  it('list the catalogue, of all sources or of one', async () => {
    const all = await run(['sessions', '--json', '--source', 'main']);
    expect(all.code).toBe(0);
    expect(JSON.parse(all.out)).toMatchObject({ source: 'main', state: 'active', firstSeq: 1 });
    expect((await run(['sessions'])).out).toMatch(
      /^SOURCE +SESSION +STATE +MESSAGES +FIRST +LAST +STARTED +ENDED +LASTED +SIZE +SHA-256 +REASON\n/,
    );
  });

  it('print the live state for people and for programs', async () => {
    const plain = await run(['inspect']);
    expect(plain.code).toBe(0);
    expect(plain.out).toMatch(/^server: latecomer\//);
    expect(JSON.parse((await run(['inspect', '--json'])).out)).toMatchObject({ pid: process.pid });
  });
});
