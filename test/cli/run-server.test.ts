import { EventEmitter } from 'node:events';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { RunningServer } from '../../actors/start-server.js';
import { CliError } from '../../cli/cli-error.js';
import { runServer } from '../../cli/run-server.js';

const never = new Promise<never>(() => undefined);

/** A server that can be watched and made to fail. */
function standIn(stop: () => Promise<void> = async () => undefined) {
  let fail!: (error: Error) => void;
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const calls: string[] = [];
  const server: RunningServer = {
    host: '127.0.0.1',
    port: 4242,
    failed,
    stop: () => {
      calls.push('stop');
      return stop();
    },
  };
  return { server, fail, calls };
}

/** The IPC channel of a process that leads no group. */
class Supervisor extends EventEmitter {
  connected = true;
  /** Beyond the largest process id of Linux, so that no signal finds anybody. */
  readonly pid = 2 ** 30;
  readonly sent: unknown[] = [];

  send(message: unknown): void {
    this.sent.push(message);
  }
}

function run(start: () => Promise<RunningServer>, supervisor?: Supervisor) {
  const interruption = new AbortController();
  const printed: string[] = [];
  let announce!: () => void;
  const listening = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const ended = runServer({
    start,
    logger: pino({ level: 'silent' }),
    interrupted: interruption.signal,
    print: (line) => {
      printed.push(line);
      announce();
    },
    supervisor,
    deadlines: { drainMs: 20, failedMs: 20 },
  });
  return { ended, printed, listening, interrupt: (signal: NodeJS.Signals) => interruption.abort(signal) };
}

describe('runServer', () => {
  it('says where it listens, to the user and to its supervisor', async () => {
    const { server } = standIn();
    const supervisor = new Supervisor();
    const { ended, printed, listening, interrupt } = run(async () => server, supervisor);
    await listening;
    expect(printed).toEqual(['listening on 127.0.0.1:4242']);
    interrupt('SIGTERM');
    await ended;
    expect(supervisor.sent).toEqual([{ type: 'listening', host: '127.0.0.1', port: 4242 }]);
  });

  it('says where Soup clients connect before it says that it listens', async () => {
    const { server } = standIn();
    const supervisor = new Supervisor();
    const { ended, printed, listening, interrupt } = run(async () => ({ ...server, soupPort: 4343 }), supervisor);
    await listening;
    expect(printed).toEqual(['Soup clients on 127.0.0.1:4343', 'listening on 127.0.0.1:4242']);
    interrupt('SIGTERM');
    await ended;
    expect(supervisor.sent).toEqual([{ type: 'listening', host: '127.0.0.1', port: 4242, soupPort: 4343 }]);
  });

  it.each([
    ['SIGTERM', 0],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('stops the server on %s and ends with %i', async (signal, code) => {
    const { server, calls } = standIn();
    const { ended, listening, interrupt } = run(async () => server);
    await listening;
    interrupt(signal);
    expect(await ended).toBe(code);
    expect(calls).toEqual(['stop']);
  });

  it('stops a server that was still starting when the signal came, and announces nothing', async () => {
    const { server, calls } = standIn();
    let started!: (server: RunningServer) => void;
    const { ended, printed, interrupt } = run(
      () =>
        new Promise((resolve) => {
          started = resolve;
        }),
    );
    interrupt('SIGTERM');
    setImmediate(() => started(server));
    expect(await ended).toBe(0);
    expect(calls).toEqual(['stop']);
    expect(printed).toEqual([]);
  });

  it('does not wait for ever for a start that hangs', async () => {
    const { ended, interrupt } = run(() => never);
    interrupt('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('ends with 70 when a server does not stop in time, or cannot be stopped', async () => {
    for (const stop of [() => never, () => Promise.reject(new Error('no'))]) {
      const { server } = standIn(stop);
      const { ended, listening, interrupt } = run(async () => server);
      await listening;
      interrupt('SIGTERM');
      expect(await ended).toBe(70);
    }
  });

  it('stops a server that has failed and ends with 70, so that it is started again', async () => {
    const { server, fail, calls } = standIn();
    const { ended, listening } = run(async () => server);
    await listening;
    fail(new Error('a session cannot be kept running'));
    expect(await ended).toBe(70);
    expect(calls).toEqual(['stop']);
  });

  it('ends when its supervisor is gone', async () => {
    const { server, calls } = standIn();
    const supervisor = new Supervisor();
    const { ended, listening } = run(async () => server, supervisor);
    await listening;
    supervisor.emit('disconnect');
    expect(await ended).toBe(70);
    expect(calls).toEqual(['stop']);
  });

  it.each([
    [{ code: 'EADDRINUSE', address: '::1', port: 7 }, 69, /^port ::1:7 is in use: .*--port/],
    [{ code: 'EADDRINUSE', address: '::1', port: 7, setting: '--soup-port' }, 69, /choose another with --soup-port/],
    [{ code: 'EACCES', address: '::1', port: 7 }, 69, /^no permission to listen on ::1:7/],
    [{ code: 'EACCES', message: "mkdir '/x'" }, 69, /^no permission: mkdir '\/x'$/],
    [{ code: 'ENOTFOUND', message: 'getaddrinfo ENOTFOUND x' }, 78, /no such address.* x$/],
    [{ code: 'ERR_PLACEMENT', message: 'actors.json: unknown actor' }, 78, /^actors\.json: unknown actor$/],
    [{ code: 'ERR_DIRECTORY_IN_USE', message: 'in use' }, 69, /^in use$/],
  ])('reports the failed start %j in one line with status %i', async (facts, exitCode, message) => {
    const failure = Object.assign(new Error(), facts);
    const error = await run(() => Promise.reject(failure)).ended.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({ exitCode, message: expect.stringMatching(message), cause: failure });
  });

  it('passes on an error of the start that is nobody’s mistake but ours', async () => {
    await expect(run(() => Promise.reject(new TypeError('bug'))).ended).rejects.toThrow(TypeError);
  });
});
