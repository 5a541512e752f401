import type { Figure, Measurement, Target } from '../scenarios/scenario.js';
import type { RowResult, ScenarioResult } from './run.js';

/** The middle value; the mean of the two in the middle when there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A row's figure over all rounds: the median of its numbers, or a quantile of all its samples merged. */
export function figureOf(row: RowResult, figure: Figure): number | undefined {
  if (figure.quantile) return quantile(row.rounds, figure.quantile);
  const numbers = row.rounds.flatMap(({ numbers }) => numbers[figure.name] ?? []);
  return numbers.length === 0 ? undefined : median(numbers);
}

/** How far a target was reached. */
export interface Attained {
  target: Target;
  /** The ratio where there is somebody to compare to, else the figure. Undefined when a row is missing. */
  value: number | undefined;
  isReached: boolean;
}

/** Numbers are compared round by round, and the median of the ratios is taken. */
export function attained({ scenario, rows }: ScenarioResult, target: Target): Attained {
  const figure = scenario.figures.find(({ name }) => name === target.figure)!;
  const value = comparison(rows, figure, target);
  const isReached =
    value !== undefined && value >= (target.atLeast ?? -Infinity) && value <= (target.atMost ?? Infinity);
  return { target, value, isReached };
}

function comparison(rows: readonly RowResult[], figure: Figure, target: Target): number | undefined {
  const find = (name: string | undefined) => rows.find((row) => row.name === name);
  const row = find(target.row);
  if (!row) return undefined;
  if (target.against === undefined) return figureOf(row, figure);
  const against = find(target.against);
  if (!against) return undefined;
  const plus = find(target.plus);
  if (figure.quantile) {
    return figureOf(row, figure)! / (figureOf(against, figure)! + (plus ? figureOf(plus, figure)! : 0));
  }
  return median(
    row.rounds.map(({ numbers }, round) => numbers[figure.name]! / against.rounds[round]!.numbers[figure.name]!),
  );
}

function quantile(
  rounds: readonly Measurement[],
  { samples, part }: NonNullable<Figure['quantile']>,
): number | undefined {
  const runs = rounds.flatMap((round) => round.samples?.[samples] ?? []);
  const all = new Float64Array(runs.reduce((sum, run) => sum + run.length, 0));
  let offset = 0;
  for (const run of runs) {
    all.set(run, offset);
    offset += run.length;
  }
  return all.sort()[Math.min(all.length - 1, Math.floor(all.length * part))];
}
