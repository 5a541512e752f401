import type { Figure, Target } from '../scenarios/scenario.js';
import { attained, figureOf } from './figures.js';
import type { ScenarioResult } from './run.js';

/** A scenario's outcome as it is kept: everything the tables and the chart are made of. */
export interface Report {
  name: string;
  title: string;
  /** When it ended, as ISO 8601. */
  date: string;
  machine: string;
  rounds: number;
  figures: Pick<Figure, 'name' | 'unit'>[];
  rows: ReportRow[];
  targets: ReportTarget[];
}

/** One row: its figures over all rounds, and what each round found. */
export interface ReportRow {
  name: string;
  persists: string;
  version: string;
  figures: Record<string, number>;
  rounds: Record<string, number>[];
}

/** A target, and how far it was reached. */
export interface ReportTarget extends Target {
  /** Absent when a row was missing. */
  value?: number;
  isReached: boolean;
}

/** What is kept of a result: samples leave only their quantiles. */
export function reportOf(result: ScenarioResult, { date, machine }: Pick<Report, 'date' | 'machine'>): Report {
  const { scenario, rows } = result;
  return {
    name: scenario.name,
    title: scenario.title,
    date,
    machine,
    rounds: Math.max(0, ...rows.map((row) => row.rounds.length)),
    figures: scenario.figures.map(({ name, unit }) => ({ name, unit })),
    rows: rows.map((row) => ({
      name: row.name,
      persists: row.persists,
      version: row.version,
      figures: Object.fromEntries(scenario.figures.flatMap((figure) => entry(figure.name, figureOf(row, figure)))),
      rounds: row.rounds.map(({ numbers }) => numbers),
    })),
    targets: scenario.targets.map((target) => {
      const { value, isReached } = attained(result, target);
      return { ...target, ...(value !== undefined && { value }), isReached };
    }),
  };
}

function entry(name: string, value: number | undefined): [string, number][] {
  return value === undefined ? [] : [[name, value]];
}
