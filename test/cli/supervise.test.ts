import { PassThrough } from 'node:stream';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EndingSignal } from '../../cli/exit-codes.js';
import type { RestartLimits } from '../../cli/restart-policy.js';
import { supervise } from '../../cli/supervise.js';
import { PuppetStage, puppetModule } from './puppets.js';

const quick: RestartLimits = { backoffFirstMs: 1, backoffMaxMs: 4, earlyMs: 0, earlyDeathsMax: 3 };
const minute = 60_000;

let stage: PuppetStage;
let log: PassThrough;
let interruption: AbortController;
let abandonment: AbortController;

beforeEach(async () => {
  stage = await PuppetStage.open();
  log = new PassThrough().resume();
  interruption = new AbortController();
  abandonment = new AbortController();
});

afterEach(() => {
  abandonment.abort('SIGINT');
  stage.close();
});

function start({ limits = quick, stopMs = minute }: { limits?: RestartLimits; stopMs?: number } = {}): Promise<number> {
  return supervise({
    module: puppetModule,
    args: [String(stage.port), 'serve'],
    logger: pino(log),
    limits,
    stopMs,
    interrupted: interruption.signal,
    abandoned: abandonment.signal,
  });
}

/** Resolves when a line of the log holds this. */
function logged(text: string): Promise<void> {
  return new Promise((resolve) => {
    log.on('data', (line: Buffer) => {
      if (line.includes(text)) resolve();
    });
  });
}

const interrupt = (signal: EndingSignal) => interruption.abort(signal);

describe('supervise', () => {
  it('starts a killed server again, on the ports it had', async () => {
    const ended = start();
    const first = await stage.next();
    first.do('listening 4242 4343');
    first.do('fork');
    await stage.next();
    process.kill(first.pid, 'SIGKILL');
    const second = await stage.next();
    expect(first.args).toEqual(['serve']);
    expect(second.args).toEqual(['serve', '--port', '4242', '--soup-port', '4343']);
    interrupt('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('ends what the server forked before it starts another one, stopped processes too', async () => {
    const ended = start();
    const first = await stage.next();
    first.do('fork');
    const fork = await stage.next();
    fork.do('stop');
    const order: string[] = [];
    const forkDied = fork.dead.then(() => order.push('fork is gone'));
    first.do('exit 1');
    await stage.next();
    order.push('next server');
    await forkDied;
    expect(order).toEqual(['fork is gone', 'next server']);
    interrupt('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('gives up after too many early deaths in a row', async () => {
    const ended = start();
    for (let life = 0; life < quick.earlyDeathsMax; life += 1) (await stage.next()).do('exit 1');
    expect(await ended).toBe(70);
    expect(stage.waiting).toBe(0);
  });

  it('does not give up on a server that had been listening each time', async () => {
    const ended = start();
    for (let life = 0; life < 3 * quick.earlyDeathsMax; life += 1) {
      const server = await stage.next();
      server.do('listening 4242');
      server.do('exit 1');
    }
    await stage.next();
    interrupt('SIGTERM');
    expect(await ended).toBe(0);
  });

  it.each([0, 64, 69, 78])('does not try again what ended with %i', async (code) => {
    const ended = start();
    (await stage.next()).do(`exit ${code}`);
    expect(await ended).toBe(code);
    expect(stage.waiting).toBe(0);
  });

  it.each([
    ['SIGTERM', 0],
    ['SIGINT', 130],
  ] as const)('passes %s on and ends with the status of the server', async (signal, code) => {
    const ended = start();
    const server = await stage.next();
    interrupt(signal);
    await server.dead;
    expect(await ended).toBe(code);
  });

  it('kills a server that does not end in time, with all it forked', async () => {
    const ended = start({ stopMs: 50 });
    const server = await stage.next();
    server.do('fork');
    const fork = await stage.next();
    server.do('stop');
    interrupt('SIGTERM');
    await Promise.all([server.dead, fork.dead]);
    expect(await ended).toBe(70);
  });

  it('kills the server at once when told a second time', async () => {
    const ended = start();
    const server = await stage.next();
    server.do('ignore-signals');
    server.do('fork');
    const fork = await stage.next();
    const told = server.got('SIGTERM');
    interrupt('SIGTERM');
    await told;
    abandonment.abort('SIGTERM');
    await Promise.all([server.dead, fork.dead]);
    expect(await ended).toBe(70);
  });

  it('starts nothing more when it is told to end while it waits', async () => {
    const ended = start({ limits: { ...quick, backoffFirstMs: minute, backoffMaxMs: minute } });
    const waiting = logged('it is started again');
    (await stage.next()).do('exit 1');
    await waiting;
    interrupt('SIGINT');
    expect(await ended).toBe(130);
    expect(stage.waiting).toBe(0);
  });
});
