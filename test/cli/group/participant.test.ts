import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultServerConfig } from '../../../actors/server-config.js';
import { type RunningServer, startServer } from '../../../actors/start-server.js';
import { main } from '../../../cli/main.js';
import { connect } from '../../../client/index.js';
import { eventually, within } from '../../support/deadline.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { fakeTerminal } from '../fake-terminal.js';

let directory: string;
let remove: () => Promise<void>;
let server: RunningServer;

beforeAll(async () => {
  ({ directory, remove } = await temporaryDirectory());
  const group = { tdMs: 60_000, lagMs: 3_600_000, membersMax: 100, dialBack: 'same-address' as const };
  const config = {
    ...defaultServerConfig,
    data: path.join(directory, 'data'),
    port: 0,
    sources: [],
    groups: [
      { ...group, name: 'group' },
      { ...group, name: 'team', membersMax: 1 },
    ],
    generator: { ...defaultServerConfig.generator, rate: 0 },
    diskReserveBytes: 0,
  };
  server = await startServer(config, pino({ level: 'silent' }));
});

afterAll(async () => {
  await server?.stop();
  await remove();
});

/** Write the file of a participant. */
async function fileOf(id: string, more: object = {}): Promise<string> {
  const file = path.join(directory, id);
  const coordinator = `127.0.0.1:${server.port}`;
  await writeFile(file, JSON.stringify({ id, log: `${id}.log`, coordinator, ...more }));
  return file;
}

const logOf = (id: string): Promise<string> => readFile(path.join(directory, `${id}.log`), 'utf8');

/** Run a participant with commands from a pipe. */
async function pipe(file: string, ...lines: string[]) {
  const terminal = fakeTerminal({ stdin: Readable.from([`${lines.join('\n')}\n`]), cwd: directory });
  const code = await main(['participant', file], terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

/** A participant whose commands are typed one by one; its code resolves at its end. */
function sit(file: string) {
  const stdin = new PassThrough();
  const terminal = fakeTerminal({ stdin, cwd: directory });
  return { stdin, terminal, code: main(['participant', file], terminal) };
}

describe('a participant with commands from a pipe', () => {
  it('does them one after the other, without a prompt, and ends with 0', async () => {
    const file = await fileOf('alice');
    expect(
      await pipe(file, 'register', 'msend hello', '', 'msend  two words ', 'disconnect', 'help quit', 'quit', 'never'),
    ).toEqual({
      code: 0,
      out: [
        'registered, the next message is number 1',
        'acknowledged, number 1',
        'acknowledged, number 2',
        'disconnected',
        'quit              disconnect and end; so does Ctrl-D',
        '',
      ].join('\n'),
      err: '',
    });
    expect(await pipe(file, 'reconnect', 'deregister')).toMatchObject({ code: 0 });
    expect(await logOf('alice')).toBe('hello\ntwo words\n');
  });

  it('ends with 1 when one of them failed, each of which is a line', async () => {
    const file = await fileOf('bob');
    expect(
      await pipe(file, 'disconnect', 'msend x', 'reconnect', 'deregister', 'foo', 'register', 'deregister'),
    ).toEqual({
      code: 1,
      out: expect.stringMatching(/^registered, the next message is number \d+\nderegistered\n$/),
      err: [
        'latecomer: participant bob is not registered in group group: register first (ERR_NOT_REGISTERED)',
        'latecomer: participant bob is not connected: register or reconnect first (ERR_NOT_CONNECTED)',
        'latecomer: participant bob is not registered in group group: register first (ERR_NOT_REGISTERED)',
        'latecomer: participant bob is not registered in group group: register first (ERR_NOT_REGISTERED)',
        'latecomer: there is no command "foo"; help lists them',
        '',
      ].join('\n'),
    });
  });

  it('disconnects at the end of the input, so that it can come back', async () => {
    const file = await fileOf('carol');
    await pipe(file, 'register');
    const client = await connect({ port: server.port, publisher: false });
    expect(await client.members({ group: 'group' })).toContainEqual(
      expect.objectContaining({ participant: 'carol', state: 'away' }),
    );
    await client.close();
    expect(await pipe(file, 'register')).toMatchObject({ code: 1, err: expect.stringContaining('(ERR_ID_IN_USE)') });
    expect(await pipe(file, 'reconnect', 'deregister')).toMatchObject({ code: 0 });
  });

  it('says that there is no coordinator, no group of that name, or no room', async () => {
    const nowhere = await fileOf('dave', { coordinator: '127.0.0.1:1' });
    expect((await pipe(nowhere, 'register')).err).toBe('latecomer: no coordinator listens on 127.0.0.1:1\n');
    expect((await pipe(await fileOf('dave', { group: 'nope' }), 'register')).err).toContain('(ERR_UNKNOWN_GROUP)');
    expect(await pipe(await fileOf('first', { group: 'team' }), 'register')).toMatchObject({ code: 0 });
    expect((await pipe(await fileOf('second', { group: 'team' }), 'register')).err).toContain('(ERR_TOO_MANY_MEMBERS)');
  });

  it('says that its port is in use', async () => {
    const { code, err } = await pipe(await fileOf('erin'), `register ${server.port}`);
    expect({ code, err }).toEqual({
      code: 1,
      err: `latecomer: port 127.0.0.1:${server.port} is in use on this machine: name another one (ERR_PORT_IN_USE)\n`,
    });
  });

  it.each([
    [[], 64, /^latecomer: the file of the participant is missing; see latecomer participant --help\n$/],
    [['nope'], 78, /^latecomer: cannot read .*nope: there is no such file\n$/],
  ])('answers a mistake in one line: %j', async (args, code, line) => {
    const terminal = fakeTerminal({ cwd: directory });
    expect(await main(['participant', ...args], terminal)).toBe(code);
    expect(terminal.err()).toMatch(line);
  });
});

describe('a participant that stays', () => {
  it('has each message of the others in its log, on one line whatever it holds', async () => {
    const frank = sit(await fileOf('frank'));
    frank.stdin.write('register 0\n');
    await within(frank.terminal.outHolds('registered'), 'registered');
    await pipe(await fileOf('grace'), 'register', 'msend plain', 'msend tab\there, bell \x07', 'deregister');
    await eventually(async () => (await logOf('frank')).split('\n').length === 3 || undefined, 'two lines');
    frank.stdin.end();
    expect(await within(frank.code, 'the end')).toBe(0);
    expect(await logOf('frank')).toBe('plain\ntab\\there, bell \\u0007\n');
    await pipe(path.join(directory, 'frank'), 'deregister');
  });

  it('is refused a second time: by its log on this machine, by the coordinator elsewhere', async () => {
    const heidi = sit(await fileOf('heidi'));
    heidi.stdin.write('register\n');
    await within(heidi.terminal.outHolds('registered'), 'registered');
    const elsewhere = await pipe(await fileOf('heidi', { log: 'other.log' }), 'reconnect');
    expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining('(ERR_ALREADY_CONNECTED)') });
    heidi.stdin.write('msend still here\ndisconnect\n');
    await within(heidi.terminal.outHolds('disconnected'), 'disconnected');
    expect(heidi.terminal.out()).not.toContain('not connected any more');
    heidi.stdin.end('deregister\n');
    expect(await within(heidi.code, 'the end')).toBe(0);
  });

  it('is told when it is taken out from elsewhere, and can do something about it', async () => {
    const ivan = sit(await fileOf('ivan'));
    ivan.stdin.write('register\n');
    await within(ivan.terminal.outHolds('registered'), 'registered');
    await pipe(await fileOf('ivan', { log: 'other.log' }), 'deregister');
    await within(ivan.terminal.outHolds('not connected any more: participant ivan was taken out'), 'a notice');
    ivan.stdin.end('register\nderegister\n');
    expect(await within(ivan.code, 'the end')).toBe(0);
  });

  it('disconnects when it is asked to end, and ends with the signal', async () => {
    const judy = sit(await fileOf('judy'));
    judy.stdin.write('register\n');
    await within(judy.terminal.outHolds('registered'), 'registered');
    judy.terminal.interrupt('SIGTERM');
    expect(await within(judy.code, 'the end')).toBe(143);
    expect(await pipe(path.join(directory, 'judy'), 'reconnect', 'deregister')).toMatchObject({ code: 0 });
  });
});
