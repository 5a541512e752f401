import type { Report, ReportTarget } from './report.js';

/** A scenario as a Markdown table, followed by its targets. */
export function tableOf({ title, figures, rows, targets }: Report): string {
  const head = ['', ...figures.map(({ name, unit }) => `${name}, ${unit}`), 'what is kept'];
  const body = rows.map((row) => [row.name, ...figures.map(({ name }) => rounded(row.figures[name])), row.persists]);
  const lines = targets.map((target) => `- ${sentence(target, figures)}`);
  return [`### ${title}`, '', ...aligned([head, ...body]), ...(lines.length > 0 ? ['', ...lines] : [])].join('\n');
}

/** All scenarios as one page. */
export function pageOf(reports: readonly Report[]): string {
  const head =
    '# Benchmark results\n\nMade by `npm run bench`; what is measured, and how, is said in [the bench](../README.md).';
  return `${[head, ...runsOf(reports), ...reports.map(tableOf)].join('\n\n')}\n`;
}

/** Where and with what the scenarios ran: most often the same for all. */
function runsOf(reports: readonly Report[]): string[] {
  const runs = new Map<string, { names: string[]; versions: Set<string> }>();
  for (const { name, date, machine, rounds, rows } of reports) {
    const key = `${date.slice(0, 10)}, ${machine}, ${rounds === 1 ? 'one round' : `medians of ${rounds} rounds`}`;
    const run = runs.get(key) ?? { names: [], versions: new Set() };
    runs.set(key, run);
    run.names.push(name);
    for (const { version } of rows) if (version !== '') run.versions.add(version);
  }
  return [...runs].map(([key, { names, versions }]) => {
    const which = runs.size > 1 ? `${names.join(', ')}: ` : '';
    return `${which}${key}; ${[...versions].join(', ')}.`;
  });
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

function sentence(target: ReportTarget, figures: Report['figures']): string {
  const { figure, atLeast, atMost, value, isReached, against } = target;
  const bound = atLeast === undefined ? `at most ${rounded(atMost)}` : `at least ${rounded(atLeast)}`;
  const unit = against === undefined ? ` ${figures.find(({ name }) => name === figure)?.unit}` : '';
  const found = value === undefined ? 'not measured' : `${rounded(value)}${unit}`;
  const missed = value === undefined || isReached ? '' : '**missed**, ';
  return `${figure}, ${compared(target)}: ${found} (${missed}target ${bound})`;
}

function compared({ row, against, plus }: ReportTarget): string {
  if (against === undefined) return row;
  return plus === undefined ? `${row} ÷ ${against}` : `${row} ÷ (${against} + ${plus})`;
}

/** A number with three digits that count, or all of them in front of the point. */
export function rounded(value: number | undefined): string {
  if (value === undefined) return '';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
