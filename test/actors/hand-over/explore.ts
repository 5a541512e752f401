import { type Event, events, type Scenario, World } from './world.js';

/** What an exploration has covered. */
export interface Coverage {
  /** Distinct states of machine, log, ring, rewind and socket together. */
  states: number;
  /** Steps between them. */
  steps: number;
  /** Different orders of events up to the length asked for, each of which was covered. */
  interleavings: bigint;
}

/**
 * Walk through every order of events from a scenario on. Two orders that lead to the same state have the same future, so
 * each state is left only once by each event; the walk ends when no new state comes up, so it covers orders of any
 * length. `length` only says up to which length they are counted.
 * @throws the first deviation, with the order of events that leads to it
 */
export function explore(scenario: Scenario, length: number): Coverage {
  const start = new World(scenario).key;
  const successors = new Map<string, string[]>();
  const queue: { key: string; path: Event[] }[] = [{ key: start, path: [] }];
  successors.set(start, []);
  let steps = 0;
  for (let at = queue.shift(); at; at = queue.shift()) {
    settles(scenario, at.path);
    for (const event of events) {
      const path = [...at.path, event];
      const key = replay(scenario, path)?.key;
      if (key === undefined) continue;
      steps += 1;
      successors.get(at.key)!.push(key);
      if (successors.has(key)) continue;
      successors.set(key, []);
      queue.push({ key, path });
    }
  }
  return { states: successors.size, steps, interleavings: countPaths(successors, start, length) };
}

/** Every order of events of exactly this length, one by one, without taking any two states for the same. */
export function enumerate(scenario: Scenario, length: number): number {
  let orders = 0;
  const extend = (path: Event[]): void => {
    for (const event of events) {
      const longer = [...path, event];
      if (!replay(scenario, longer)) continue;
      if (longer.length < length) {
        extend(longer);
        continue;
      }
      orders += 1;
      settles(scenario, longer);
    }
  };
  extend([]);
  return orders;
}

/** @returns `undefined` when the last event cannot happen there */
function replay(scenario: Scenario, path: readonly Event[]): World | undefined {
  const world = new World(scenario);
  try {
    for (const event of path) if (!world.happen(event)) return undefined;
  } catch (error) {
    throw deviation(scenario, path, error);
  }
  return world;
}

function settles(scenario: Scenario, path: readonly Event[]): void {
  const world = replay(scenario, path)!;
  try {
    world.settle();
    // What follows is broadcast, and nothing is left behind by what came before.
    if (world.happen('block committed')) world.settle();
    if (world.happen('end of session')) world.settle();
  } catch (error) {
    throw deviation(scenario, [...path], error);
  }
}

function deviation(scenario: Scenario, path: readonly Event[], cause: unknown): Error {
  const steps = path.length === 0 ? 'at the start' : `after: ${path.join(' → ')}`;
  return new Error(`from ${scenario.next}: ${(cause as Error).message}, ${steps}`, { cause });
}

function countPaths(successors: ReadonlyMap<string, readonly string[]>, start: string, length: number): bigint {
  let reached = new Map<string, bigint>([[start, 1n]]);
  let total = 0n;
  for (let step = 0; step < length; step += 1) {
    const next = new Map<string, bigint>();
    for (const [key, count] of reached) {
      for (const successor of successors.get(key)!) next.set(successor, (next.get(successor) ?? 0n) + count);
    }
    for (const count of next.values()) total += count;
    reached = next;
  }
  return total;
}
