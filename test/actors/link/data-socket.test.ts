import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectLink } from '../../../actors/link/connect-link.js';
import { DataSocket } from '../../../actors/link/data-socket.js';
import { ForkedRewinds } from '../../../actors/link/forked-rewinds.js';
import { connectOrigin } from '../../../actors/link/remote-origin.js';
import type { MainOrigin } from '../../../actors/origin.js';
import RewindHostActor from '../../../actors/rewind-host.js';
import { type Page, stretchOf } from '../../../storage/index.js';
import { until } from '../../support/deadline.js';
import { startSystem } from '../actor-system.js';
import { TestOrigin } from '../requests-stage.js';
import { blockOf, sessionOf, silent } from '../support.js';

/** A data socket, in the process that plays its forks as well: their exit is only noted. */
async function listen({ forkedRewinds = false } = {}) {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const origin = new TestOrigin();
  const rewinds = new ForkedRewinds();
  const context = {
    origin: origin as unknown as MainOrigin,
    subscribe: () => Promise.reject(new Error('nobody subscribes')),
    rewinds: forkedRewinds ? rewinds : undefined,
    logger: silent,
  };
  const dataSocket = await DataSocket.listen(context);
  onTestFinished(async () => {
    const links = exit.mock.calls.length;
    await dataSocket.close();
    await until(() => exit.mock.calls.length >= links, 'the forks to exit');
    exit.mockRestore();
  });
  return { dataSocket, origin, rewinds, exit };
}

const quiet = () => () => {};

describe('the data socket', () => {
  it('gives an edge with the token access to main', async () => {
    const { dataSocket } = await listen();
    const edge = await connectOrigin(dataSocket.path, dataSocket.token, 1_000);
    expect(await edge.findSession('main', '')).toEqual(sessionOf());
  });

  it('gives nothing to a process without the token', async () => {
    const { dataSocket } = await listen();
    await expect(connectLink(dataSocket.path, 'guessed', 'Edge', quiet)).rejects.toThrow('without the token');
    const link = connect(dataSocket.path);
    await once(link, 'connect');
    link.end(Buffer.from([0, 0, 0, 1, 0xc0]));
    link.resume();
    await once(link, 'close');
  });

  it('takes no rewinds from a fork when they are not forked', async () => {
    const { dataSocket } = await listen();
    await expect(connectLink(dataSocket.path, dataSocket.token, 'RewindHost', quiet)).rejects.toThrow('not forked');
  });

  it('ends a fork when it closes, and leaves no file behind', async () => {
    const { dataSocket, exit } = await listen();
    await connectOrigin(dataSocket.path, dataSocket.token, 1_000);
    await dataSocket.close();
    await until(() => exit.mock.calls.length === 1, 'the fork to exit');
    expect([exit.mock.calls, existsSync(dataSocket.path)]).toEqual([[[0]], false]);
  });

  it('serves the rewinds of a fork: orders go there, pages come back', async () => {
    const { dataSocket, origin, rewinds } = await listen({ forkedRewinds: true });
    const system = await startSystem();
    const { path, token } = dataSocket;
    const parameters = { dataSocket: path, token };
    await system.spawn({ actor: RewindHostActor }, { name: 'RewindHost', parameters });
    const pages: Page[] = [];
    const failures: string[] = [];
    const open = await rewinds.open(7, {
      page: (page) => pages.push(page),
      failed: (error) => failures.push(error.message),
    });
    const page: Page = { stretches: [stretchOf(blockOf(1, 2))], lost: { from: 3, to: 9, reason: 'missing' }, next: 10 };
    origin.read = async () => page;
    open.read(1);
    await until(() => pages.length === 1, 'the page');
    expect(pages).toEqual([page]);
    origin.read = () => Promise.reject(new Error('no disk'));
    open.read(10);
    await until(() => failures.length === 1, 'the failure');
    expect(failures).toEqual(['no disk']);
    open.close();
    expect(rewinds.size).toBe(0);
  });
});
