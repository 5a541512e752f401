import type { Figure, Target } from '../scenarios/scenario.js';
import { type Attained, attained, figureOf } from './figures.js';
import type { ScenarioResult } from './run.js';

/** A scenario as a Markdown table, followed by what it was to reach. */
export function markdownOf(result: ScenarioResult): string {
  const { scenario, rows } = result;
  const head = ['', ...scenario.figures.map(({ name, unit }) => `${name}, ${unit}`), 'persists'];
  const body = rows.map((row) => [
    row.name,
    ...scenario.figures.map((figure) => rounded(figureOf(row, figure))),
    row.persists,
  ]);
  const targets = scenario.targets.map((target) => sentence(attained(result, target), scenario.figures));
  return [`### ${scenario.title}`, '', ...aligned([head, ...body]), '', ...targets.map((line) => `- ${line}`)].join(
    '\n',
  );
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const isText = (column: number) => column === 0 || column === widths.length - 1;
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) =>
      isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    return `| ${cells.join(' | ')} |`;
  });
  const rule = widths.map((width, column) => (isText(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [lines[0]!, `| ${rule.join(' | ')} |`, ...lines.slice(1)];
}

function sentence({ target, value, isReached }: Attained, figures: readonly Figure[]): string {
  const bound =
    target.atLeast === undefined ? `at most ${rounded(target.atMost)}` : `at least ${rounded(target.atLeast)}`;
  const found = value === undefined ? 'not measured here' : `${rounded(value)}${isReached ? '' : ', NOT reached'}`;
  const unit = figures.find(({ name }) => name === target.figure)!.unit;
  return `${target.figure}: ${compared(target)} is ${found}${target.against === undefined ? ` ${unit}` : ''} (target ${bound})`;
}

function compared({ row, against, plus }: Target): string {
  if (against === undefined) return row;
  return plus === undefined ? `${row} ÷ ${against}` : `${row} ÷ (${against} plus ${plus})`;
}

/** A number with three digits that count, or all of them in front of the point. */
function rounded(value: number | undefined): string {
  if (value === undefined) return '';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
