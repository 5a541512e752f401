import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../cli/main.js';
import { FakeServer } from '../client/fake-server.js';
import { type FakeTerminal, fakeTerminal } from './fake-terminal.js';

let server: FakeServer;
let terminal: FakeTerminal;

beforeEach(async () => {
  server = await FakeServer.start();
  terminal = fakeTerminal();
});

afterEach(() => server.stop());

/** Start a command against the fake server. @returns its exit status */
function begin(name: string, ...rest: string[]): Promise<number> {
  return main([name, '--port', String(server.port), ...rest], terminal);
}

async function accept() {
  const connection = await server.accept();
  await connection.login();
  return connection;
}

describe('tail', () => {
  it('says once that it is disconnected and once where it goes on', async () => {
    const code = begin('tail', '--from', '1', '--count', '3');
    const first = await accept();
    await first.subscribed();
    first.messages(1, ['a', 'b']);
    await terminal.outHolds('\tb\n');
    first.drop();
    (await server.accept()).drop();
    (await server.accept()).drop();
    const last = await accept();
    await last.subscribed();
    last.messages(3, ['c']);
    expect(await code).toBe(0);
    expect(terminal.out()).toMatch(/\tc\n$/);
    expect(terminal.err()).toMatch(/^latecomer: disconnected, reconnecting: .*\nlatecomer: resumed at 3\n$/);
  });
});

describe('publish', () => {
  it('says what it waits for when the server refuses for long, and that it goes on', async () => {
    const code = begin('publish', 'a');
    const connection = await accept();
    let isHeard = false;
    const heard = terminal.errHolds('\n').then(() => {
      isHeard = true;
    });
    await connection.take('PUBLISH');
    while (!isHeard) {
      connection.refuse(1, { code: 'ERR_DISK_FULL', message: 'the disk is full' });
      await connection.take('PUBLISH');
    }
    await heard;
    connection.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await code).toBe(0);
    const cause = 'it cannot take messages now: the disk is full (ERR_DISK_FULL); trying again';
    expect(terminal.err()).toBe(`latecomer: waiting for the server: ${cause}\nlatecomer: going on\n`);
  });

  it('says that it waits for a server that went away', async () => {
    const code = begin('publish', 'a');
    const connection = await accept();
    await connection.take('PUBLISH');
    const { port } = server;
    await server.stop();
    await terminal.errHolds('\n');
    expect(terminal.err()).toMatch(/^latecomer: waiting for the server: .*; reconnecting\n$/);
    server = await FakeServer.start(port);
    const next = await accept();
    await next.take('PUBLISH');
    next.acknowledge(1, [[1, 1, 1, 1]]);
    expect(await code).toBe(0);
    expect(terminal.err()).toMatch(/\nlatecomer: going on\n$/);
  });
});
