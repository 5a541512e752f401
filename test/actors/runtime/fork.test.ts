import { describe, expect, it, vi } from 'vitest';
import { ActorError, Supervisor, TimeoutError } from '../../../actors/runtime/index.js';
import { forkWorker, isAlive, queue, recordedLogger, startSystem, timeoutMs, type WorkerRef } from './support.js';

describe('a forked actor', () => {
  it('answers from a process of its own', async () => {
    const worker = await forkWorker(await startSystem());
    const answer = await worker.ask('echo', { text: 'é – 漢字 😀' }, { timeoutMs });
    expect(answer).toEqual({ text: 'é – 漢字 😀', pid: worker.pid });
    expect(worker.pid).not.toBe(process.pid);
  });

  it('gets arrays and nested values as they were sent', async () => {
    const worker = await forkWorker(await startSystem());
    const text = [[1, 2], { deep: [null, 'x'] }];
    expect(await worker.ask('echo', { text }, { timeoutMs })).toMatchObject({ text });
  });

  it('handles tells and asks of one sender in the order they were sent', async () => {
    const worker = await forkWorker(await startSystem());
    const counts = Array.from({ length: 500 }, (_, n) => n);
    for (const n of counts) worker.tell('note', { n });
    expect(await worker.ask('noted', {}, { timeoutMs })).toEqual({ seen: counts });
  });

  it('passes on name, code, fields and cause of an error', async () => {
    const worker = await forkWorker(await startSystem());
    const error = await worker.ask('fail', {}, { timeoutMs }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'ActorError',
      code: 'ERR_MAILBOX_FULL',
      actor: 'Worker',
      message: 'as asked',
      depth: 7,
      cause: { message: 'the cause' },
    });
  });

  it('fails an ask that is not answered in time and says which', async () => {
    const worker = await forkWorker(await startSystem({ stopTimeoutMs: 50 }));
    const error = await worker.ask('never', {}, { timeoutMs: 5 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'ERR_ASK_TIMEOUT', actor: 'Worker', topic: 'never', timeoutMs: 5 });
  });

  it('rejects pending and later asks when its process is killed, and tells its exit', async () => {
    const worker = await forkWorker(await startSystem());
    const pending = worker.ask('never', {}, { timeoutMs });
    process.kill(worker.pid, 'SIGKILL');
    await expect(pending).rejects.toMatchObject({ code: 'ERR_ACTOR_STOPPED', actor: 'Worker' });
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL', expected: false });
    worker.tell('note', { n: 1 });
    await expect(worker.ask('noted', {}, { timeoutMs })).rejects.toMatchObject({ code: 'ERR_ACTOR_STOPPED' });
    await worker.stop();
  });

  it('handles what it was told before it was stopped', async () => {
    const { logger, line } = recordedLogger('info');
    const worker = await forkWorker(await startSystem({ logger }));
    for (let n = 0; n < 100; n++) worker.tell('note', { n });
    await worker.stop();
    expect(await line(/worker stopped/)).toMatchObject({ seen: 100 });
  });

  it('stops its children before itself', async () => {
    const { logger, lines, line } = recordedLogger('info');
    const worker = await forkWorker(await startSystem({ logger }));
    expect(await worker.ask('family', {}, { timeoutMs })).toEqual({ name: 'Child', pid: worker.pid });
    await worker.stop();
    await line(/worker stopped/);
    expect(lines.map(({ msg }) => msg)).toEqual(['worker starts', 'stopped Child', 'worker stopped']);
    expect(await worker.exited).toEqual({ code: 0, signal: null, expected: true });
  });

  it('cannot fork again', async () => {
    const worker = await forkWorker(await startSystem());
    await expect(worker.ask('forkAgain', {}, { timeoutMs })).rejects.toThrow('only the first process makes forks');
  });

  it('ignores the signals a terminal sends to the whole group', async () => {
    const worker = await forkWorker(await startSystem());
    process.kill(worker.pid, 'SIGINT');
    process.kill(worker.pid, 'SIGTERM');
    expect(await worker.ask('listeners', {}, { timeoutMs })).toEqual({ SIGTERM: 1, SIGINT: 1 });
    await worker.stop();
    expect(await worker.exited).toEqual({ code: 0, signal: null, expected: true });
  });

  it('is killed when it does not stop within the deadline', async () => {
    const worker = await forkWorker(await startSystem({ stopTimeoutMs: 50 }), { stop: 'hang' });
    await worker.stop();
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL', expected: true });
  });

  it.each([
    ['suspended', (pid: number) => process.kill(pid, 'SIGSTOP')],
    ['in an endless loop', undefined],
  ])('is killed by stop when it is %s', async (_, suspend) => {
    const worker = await forkWorker(await startSystem({ stopTimeoutMs: 50 }));
    if (suspend) suspend(worker.pid);
    else worker.tell('block', {});
    await worker.stop();
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL', expected: true });
  });

  it('is killed by the stop of the system when it is suspended', async () => {
    const system = await startSystem({ stopTimeoutMs: 50 });
    const worker = await forkWorker(system);
    process.kill(worker.pid, 'SIGSTOP');
    await system.stop();
    expect(isAlive(worker.pid)).toBe(false);
  });

  it('is killed when it leaves too many messages unanswered', async () => {
    const { logger, line } = recordedLogger('error');
    const worker = await forkWorker(await startSystem({ logger }));
    process.kill(worker.pid, 'SIGSTOP');
    for (let n = 0; n <= 10_000; n++) worker.tell('note', { n });
    expect(await worker.exited).toMatchObject({ signal: 'SIGKILL', expected: false });
    expect(await line(/unanswered/)).toMatchObject({ actor: 'Worker', unanswered: 10_000 });
  });
});

describe('a forked actor that fails', () => {
  it('ends its process with code 70 when a tell handler throws, and the log says why', async () => {
    const { logger, line } = recordedLogger('fatal');
    const worker = await forkWorker(await startSystem({ logger }));
    worker.tell('throwInTell', {});
    expect(await worker.exited).toEqual({ code: 70, signal: null, expected: false });
    expect(await line(/throwInTell/)).toMatchObject({ actor: 'Worker', forkPid: worker.pid, topic: 'throwInTell' });
  });

  it('ends its process with code 70 on an unhandled rejection', async () => {
    const { logger, line } = recordedLogger('fatal');
    const worker = await forkWorker(await startSystem({ logger }));
    await expect(worker.ask('rejectUnhandled', {}, { timeoutMs })).rejects.toMatchObject({ code: 'ERR_ACTOR_STOPPED' });
    expect(await worker.exited).toEqual({ code: 70, signal: null, expected: false });
    expect(await line(/nobody handles this/)).toMatchObject({ level: 60, err: { message: 'nobody handles this' } });
  });

  it('tells the exit code of its process', async () => {
    const worker = await forkWorker(await startSystem());
    worker.tell('exit', { code: 9 });
    expect(await worker.exited).toEqual({ code: 9, signal: null, expected: false });
  });

  it('rejects the spawn with what onStart threw', async () => {
    const spawn = forkWorker(await startSystem(), { start: 'throw' });
    await expect(spawn).rejects.toMatchObject({ code: 'ERR_MAILBOX_FULL', message: 'refuses to start' });
  });

  it.each(['exit', 'hang'] as const)('rejects the spawn when its start ends in %s', async (start) => {
    const system = await startSystem({ startTimeoutMs: start === 'hang' ? 1_000 : 10_000 });
    const error = await forkWorker(system, { start }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActorError);
    expect(error).toMatchObject({ code: 'ERR_FORK_FAILED', actor: 'Worker' });
  });

  it('escalates a payload that is not JSON and fails the ask of a reply that is not', async () => {
    const onFatal = vi.fn();
    const worker = await forkWorker(await startSystem({ onFatal }));
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    await expect(worker.ask('echo', { text: circular }, { timeoutMs })).rejects.toThrow(TypeError);
    await expect(worker.ask('circular', {}, { timeoutMs })).rejects.toThrow('circular');
    worker.tell('note', { n: 1n as unknown as number });
    expect(await worker.ask('noted', {}, { timeoutMs })).toEqual({ seen: [] });
    expect(onFatal).toHaveBeenCalledWith(expect.any(TypeError), { actor: 'Worker', topic: 'note' });
  });
});

describe('the parent of forked actors', () => {
  it('keeps one running by supervision, whatever ends it', async () => {
    const system = await startSystem();
    const running = queue<WorkerRef>();
    const supervisor = new Supervisor<WorkerRef>({
      name: 'Worker',
      delayFirstMs: 1,
      delayMsMax: 4,
      restartsMax: 3,
      withinMs: 60_000,
      start: async (generation) => {
        const worker = await forkWorker(system);
        void worker.exited.then((exit) => supervisor.failed(generation, new Error(JSON.stringify(exit))));
        running.add(worker);
        return worker;
      },
      dispose: (worker) => worker.stop(),
      onGiveUp: (error) => {
        throw error;
      },
    });
    await supervisor.start();
    const first = await running.next();
    process.kill(first.pid, 'SIGKILL');
    const second = await running.next();
    second.tell('throwInTell', {});
    const third = await running.next();
    expect(await third.ask('echo', { text: 'still there' }, { timeoutMs })).toMatchObject({ pid: third.pid });
    await supervisor.stop();
    expect([first, second, third].map(({ pid }) => isAlive(pid))).toEqual([false, false, false]);
    expect(supervisor.generation).toBe(3);
  });

  it.each(['before it has a process', 'while it starts'])('can be stopped %s', async (moment) => {
    const { logger, line } = recordedLogger('info');
    const system = await startSystem({ logger, stopTimeoutMs: 300 });
    const spawning = forkWorker(system, { start: 'hang' }).catch((error: unknown) => error);
    if (moment === 'while it starts') await line(/worker starts/);
    await system.stop();
    expect(await spawning).toMatchObject({ code: 'ERR_FORK_FAILED', actor: 'Worker' });
    const late = forkWorker(system);
    await expect(late).rejects.toMatchObject({ code: 'ERR_ACTOR_STOPPED', actor: 'Worker' });
  });

  it('keeps no listener and no process of those that ended', async () => {
    const events = ['exit', 'SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection', 'disconnect', 'message'];
    const counts = (): number[] => events.map((event) => process.listenerCount(event));
    const before = counts();
    const system = await startSystem();
    const crashed = await forkWorker(system);
    const stopped = await forkWorker(system);
    await forkWorker(system, { start: 'throw' }).catch(() => {});
    process.kill(crashed.pid, 'SIGKILL');
    await crashed.exited;
    await stopped.stop();
    await system.stop();
    expect(counts()).toEqual(before);
    expect([crashed, stopped].map(({ pid }) => isAlive(pid))).toEqual([false, false]);
  });

  it('writes the log of its forks with its own logger', async () => {
    const { logger, line } = recordedLogger('warn');
    const worker = await forkWorker(await startSystem({ logger }));
    worker.tell('log', { text: 'from afar' });
    expect(await line(/from afar/)).toMatchObject({ level: 40, fact: 42, actor: 'Worker', forkPid: worker.pid });
  });
});
