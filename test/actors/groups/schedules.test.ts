import { strict as assert } from 'node:assert';
import { expect, it } from 'vitest';
import { Random } from '../../support/random.js';
import { Coordinator } from './coordinator.js';
import { Reference } from './reference.js';

const schedules = 100_000;
const stepsEach = 40;
const participants = ['ada', 'ben', 'eve'];
const steps = [
  'register',
  'deregister',
  'disconnect',
  'reconnect',
  'break',
  'send',
  'send',
  'send',
  'take',
  'take',
  'acknowledge',
  'upkeep',
  'wait',
  'wait',
  'clock',
  'crash',
] as const;

/** The code a command is answered with, as the seed says it; `undefined` when it is granted. */
function refusal(step: string, state: ReturnType<Reference['state']>): string | undefined {
  if (step === 'register') return state === 'unknown' ? undefined : 'ERR_ID_IN_USE';
  if (state === 'unknown') return 'ERR_NOT_REGISTERED';
  if (step === 'reconnect') return state === 'away' ? undefined : 'ERR_ALREADY_CONNECTED';
  if (step === 'disconnect' || step === 'send') return state === 'online' ? undefined : 'ERR_NOT_CONNECTED';
  return undefined;
}

/** @returns the code a command was refused with */
function attempt(command: () => void): string | undefined {
  try {
    command();
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

/** One schedule; everything the reference says is compared behind every step. */
function run(random: Random): { messages: number; expired: number } {
  let clockMs = 1_000;
  const tdMs = random.integer(0, 12);
  const coordinator = new Coordinator(tdMs, () => clockMs);
  const reference = new Reference(tdMs);
  const trace: string[] = [];
  /** Somebody of whom this step is not refused. */
  const likely = (kind: string): string | undefined => {
    const able = participants.filter((id) => refusal(kind, reference.state(id)) === undefined);
    return able.length > 0 ? random.pick(able) : undefined;
  };
  const step = (): void => {
    const kind = random.pick(steps);
    const id = random.chance(0.7) ? (likely(kind) ?? random.pick(participants)) : random.pick(participants);
    trace.push(`${clockMs} ${kind} ${id}`);
    const state = reference.state(id);
    const expected = refusal(kind, state);
    const command = (granted: () => void, told: (nowMs: number) => void): void => {
      const nowMs = coordinator.nowMs;
      const found = attempt(granted);
      if (found !== expected) throw new Error(`expected ${expected}, found ${found}`);
      if (expected === undefined) told(nowMs);
    };
    switch (kind) {
      case 'register': {
        const own = random.chance(0.5) ? random.integer(0, 12) : 100;
        return command(
          () => coordinator.register(id, own),
          (nowMs) => reference.register(id, own, nowMs),
        );
      }
      case 'deregister':
        return command(
          () => coordinator.deregister(id),
          () => reference.deregister(id),
        );
      case 'disconnect':
        return command(
          () => coordinator.disconnect(id),
          (nowMs) => reference.disconnect(id, nowMs),
        );
      case 'reconnect':
        return command(
          () => coordinator.reconnect(id),
          (nowMs) => reference.reconnect(id, nowMs),
        );
      case 'send':
        return command(
          () => coordinator.connected(id),
          () => reference.send(coordinator.send()),
        );
      case 'break':
        if (state !== 'online') return;
        reference.broke(id, coordinator.nowMs);
        return coordinator.broke(id);
      case 'take': {
        if (state !== 'online') return;
        const count = random.integer(1, 5);
        reference.take(id, count);
        return coordinator.take(id, count);
      }
      case 'acknowledge':
        if (state === 'online') coordinator.acknowledge(id);
        return;
      case 'upkeep':
        reference.recorded(coordinator.nowMs);
        return coordinator.upkeep();
      case 'wait':
        clockMs += random.integer(0, 6);
        return;
      case 'clock':
        clockMs += random.integer(-30, 30);
        return;
      case 'crash':
        reference.crash();
        return coordinator.start();
    }
  };
  try {
    for (let index = 0; index < stepsEach; index += 1) step();
    for (const id of participants) {
      if (reference.state(id) === 'away') {
        reference.reconnect(id, coordinator.nowMs);
        coordinator.reconnect(id);
      }
      if (reference.state(id) === 'online') {
        reference.take(id, stepsEach);
        coordinator.take(id, stepsEach);
      }
      const { received = [], expired = [] } = coordinator.programs.get(id) ?? {};
      assert.deepEqual(received, reference.received.get(id) ?? []);
      assert.deepEqual(expired, reference.expired.get(id) ?? []);
    }
  } catch (error) {
    throw new Error(`td ${tdMs}\n${trace.join('\n')}`, { cause: error });
  }
  const count = (lists: Map<string, number[]>) => [...lists.values()].reduce((sum, { length }) => sum + length, 0);
  return { messages: count(reference.received), expired: count(reference.expired) };
}

it('every participant receives exactly what a simple reference says, in 100000 schedules of commands, breaks, crashes and clock steps', {
  timeout: 300_000,
}, () => {
  const random = new Random();
  console.log(`schedules: SEED=${random.seed}`);
  const total = { messages: 0, expired: 0 };
  for (let schedule = 0; schedule < schedules; schedule += 1) {
    const { messages, expired } = run(random);
    total.messages += messages;
    total.expired += expired;
  }
  // A run in which nothing happens would prove nothing.
  expect(total.messages).toBeGreaterThan(schedules);
  expect(total.expired).toBeGreaterThan(schedules / 10);
});
