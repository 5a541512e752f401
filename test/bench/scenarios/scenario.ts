import type { Contender } from '../contenders/contender.js';

/** How much is sent: enough to see that it works, or enough to measure. */
export type Size = 'quick' | 'full';

/** What one run of one row found. Numbers are compared round by round; samples are merged over all rounds first. */
export interface Measurement {
  numbers: Record<string, number>;
  samples?: Record<string, Float64Array>;
}

/** One row of a scenario's table: somebody doing it once. */
export interface Row {
  /** Who, and how. Unique in the scenario. */
  name: string;
  /** What is kept of a message before it is delivered or acknowledged. */
  persists: string;
  /** Its version; undefined when this machine does not have it, and the row is left out. */
  version(): string | undefined;
  measure(size: Size): Promise<Measurement>;
}

/** A column: a number of each run, or a quantile of the samples of all runs. */
export interface Figure {
  name: string;
  unit: string;
  /** Which samples, and which part of them lies below the figure; a number of the runs when absent. */
  quantile?: { samples: string; part: number };
}

/** What this server is to reach. Both bounds are inclusive. */
export interface Target {
  figure: string;
  row: string;
  /** The row it is compared to: the target is a ratio then, of the medians where it is a quantile. */
  against?: string;
  /** A row whose figure is added to that of `against`. */
  plus?: string;
  atLeast?: number;
  atMost?: number;
}

/** The same thing done by several, in turn. */
export interface Scenario {
  /** Short, for the command line. */
  name: string;
  title: string;
  rows: readonly Row[];
  figures: readonly Figure[];
  targets: readonly Target[];
}

/** The size in force of something that has one for each. */
export type Sized = Record<Size, number>;

/** A row of a contender that runs fresh for it. */
export function rowOf(
  contender: Contender,
  measure: (server: { port: number; pid: number }, size: Size) => Promise<Measurement>,
  name: string = contender.name,
): Row {
  return {
    name,
    persists: contender.persists,
    version: contender.version,
    measure: async (size) => {
      const server = await contender.start(size);
      try {
        return await measure(server, size);
      } finally {
        await server.stop();
      }
    },
  };
}

/** @throws Error when a count is not what it has to be */
export function expectCount(found: number, expected: number): void {
  if (found !== expected) throw new Error(`expected ${expected} messages, found ${found}`);
}

/** Events a second. */
export function perSecond(count: number, elapsedMs: number): number {
  return (count / elapsedMs) * 1_000;
}
