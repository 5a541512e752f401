import { describe, expect, it, vi } from 'vitest';
import GeneratorActor, { type MessageListener } from '../../actors/generator.js';
import type { Ref } from '../../actors/runtime/index.js';
import type { SessionRollerProtocol } from '../../actors/session-roller.js';
import { until } from '../support/deadline.js';
import { startSystem } from './actor-system.js';
import { deferred } from './support.js';

type Asked = { topic: string; payload: { session?: string; payloads?: Uint8Array[] } };

/** Hears what is made; it refuses while it is told to. */
class Listener {
  readonly asked: Asked[] = [];
  failing = false;

  ask(topic: string, payload: Asked['payload']): Promise<unknown> {
    if (this.failing) return Promise.reject(new Error('the disk is full'));
    this.asked.push({ topic, payload });
    return Promise.resolve();
  }

  get texts(): string[] {
    return this.asked.flatMap(({ payload }) => (payload.payloads ?? []).map((bytes) => Buffer.from(bytes).toString()));
  }
}

async function generatorOf(more: { rate?: number; count?: number; payloadBytes?: number } = {}) {
  const system = await startSystem();
  const roller = new Listener();
  const heard = roller as unknown as Pick<Ref<SessionRollerProtocol>, 'ask'>;
  const parameters = { rate: 0, payloadBytes: 80, count: 0, source: 'main', clock: () => 0, roller: heard, ...more };
  const ref = await system.spawn({ actor: GeneratorActor }, { name: 'Generator', parameters });
  const listener = new Listener();
  const open = (session: string, hears = listener) =>
    ref.tell('sessionOpened', { session, listener: hears as unknown as MessageListener });
  const generate = (count: number) => ref.ask('generate', { count }, { timeoutMs: 5_000 });
  return { ref, listener, roller, open, generate };
}

describe('the generator', () => {
  it('makes messages on demand that name their session, their number and their time, at the size asked for', async () => {
    const { listener, open, generate } = await generatorOf();
    open('2030010901');
    await generate(2);
    await generate(1);
    expect(listener.texts.map((text) => text.replace(/[ .]+$/, ''))).toEqual(
      [1, 2, 3].map((number) => `2030010901 message ${number} 1970-01-01T00:00:00.000Z`),
    );
    expect(listener.texts.map((text) => text.length)).toEqual([80, 80, 80]);
  });

  it('makes messages for every session that is open', async () => {
    const { ref, listener, open, generate } = await generatorOf();
    const other = new Listener();
    open('S1');
    open('S2', other);
    await generate(1);
    await ref.ask('sessionClosed', { session: 'S1' }, { timeoutMs: 5_000 });
    await generate(1);
    expect([listener.texts.length, other.texts.length]).toEqual([1, 2]);
    expect(await ref.ask('inspect', {}, { timeoutMs: 5_000 })).toEqual({ made: 2, listeners: 1 });
  });

  it('publishes what does not fit one block as several publishes', async () => {
    const { listener, open, generate } = await generatorOf({ payloadBytes: 100_000 });
    open('S1');
    await generate(5);
    expect(listener.asked.map(({ payload }) => payload.payloads!.length)).toEqual([2, 2, 1]);
  });

  it('fails on demand when its messages are not taken', async () => {
    const { listener, open, generate } = await generatorOf();
    open('S1');
    listener.failing = true;
    await expect(generate(1)).rejects.toThrow('the disk is full');
  });

  it('makes nothing by itself at rate 0', async () => {
    const set = vi.spyOn(globalThis, 'setInterval');
    const { ref, listener, open } = await generatorOf({ rate: 0 });
    set.mockClear();
    open('S1');
    ref.tell('begin', {});
    await ref.ask('inspect', {}, { timeoutMs: 5_000 });
    expect([set.mock.calls.length, listener.asked.length]).toEqual([0, 0]);
    set.mockRestore();
  });

  it('follows its rate, makes exactly the messages asked for, and says that the day is over', async () => {
    const { ref, listener, roller, open } = await generatorOf({ rate: 10_000, count: 1_234 });
    open('S1');
    ref.tell('begin', {});
    ref.tell('begin', {});
    await until(() => roller.asked.length > 0, 'the end of the day');
    expect(listener.texts.length).toBe(1_234);
    expect(listener.texts[1_233]).toContain('message 1234 ');
    const reason = 'end of day: the generator has made all its messages';
    expect(roller.asked).toEqual([{ topic: 'endOfDay', payload: { source: 'main', session: 'S1', reason } }]);
  });

  it('has its messages written to the session they name, or not at all', async () => {
    const { listener, open, generate } = await generatorOf();
    open('S1');
    await generate(1);
    expect(listener.asked[0]!.payload.session).toBe('S1');
  });

  it('has finished with a session when what it made for it is settled, and makes nothing before it is told of the next', async () => {
    const { ref, listener, open } = await generatorOf({ rate: 1_000 });
    const publish = deferred<void>();
    const ask = vi.spyOn(listener, 'ask').mockReturnValueOnce(publish.promise);
    open('S1');
    ref.tell('begin', {});
    await until(() => ask.mock.calls.length === 1, 'a publish that is under way');
    let closed = false;
    const closing = ref.ask('sessionClosed', { session: 'S1' }, { timeoutMs: 5_000 }).then(() => {
      closed = true;
    });
    await ref.ask('inspect', {}, { timeoutMs: 5_000 });
    expect([closed, ask.mock.calls.length]).toEqual([false, 1]);
    publish.resolve();
    await closing;
    open('S2');
    await until(() => listener.texts.length > 0, 'a message of the next session');
    expect(listener.texts[0]).toMatch(/^S2 /);
  });

  it('goes on when its messages are taken again', async () => {
    const { ref, listener, open } = await generatorOf({ rate: 1_000 });
    listener.failing = true;
    const ask = vi.spyOn(listener, 'ask');
    open('S1');
    ref.tell('begin', {});
    await until(() => ask.mock.calls.length >= 2, 'two publishes that fail');
    listener.failing = false;
    await until(() => listener.texts.length > 0, 'a message');
    expect(listener.texts[0]).toContain('message 1 ');
  });
});
