import { escapeControls } from './escape-controls.js';
import { table } from './table.js';

/**
 * The state of a server for people: plain values as `name: value`, a list of alike objects as a table, the rest indented
 * under its name, and moments as such. What a server reports may grow, so nothing about its shape is assumed.
 */
export function inspectionText(state: Readonly<Record<string, unknown>>, indent = ''): string[] {
  const entries = Object.entries(state);
  const plain = entries.filter(([, value]) => !isNested(value));
  const nested = entries.filter(([, value]) => isNested(value));
  return [
    ...plain.map(([name, value]) => `${indent}${cell(name)}: ${cell(value, name)}`),
    ...nested.flatMap(([name, value]) => [`${indent}${cell(name)}:`, ...nestedLines(value, `${indent}  `)]),
  ];
}

function nestedLines(value: unknown, indent: string): string[] {
  if (isMap(value)) return inspectionText(value, indent);
  const items = value as unknown[];
  if (items.every((item) => isMap(item) && !Object.values(item).some(isNested))) {
    const rows = items as Record<string, unknown>[];
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const lines = table(
      columns.map((column) => cell(column)),
      rows.map((row) => columns.map((column) => cell(row[column], column))),
    );
    return lines.map((line) => indent + line);
  }
  return items.flatMap((item, index) =>
    isNested(item) ? [`${indent}${index + 1}:`, ...nestedLines(item, `${indent}  `)] : [`${indent}${cell(item)}`],
  );
}

function isNested(value: unknown): boolean {
  return isMap(value) || (Array.isArray(value) && value.some(isNested));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Milliseconds since 1970 are told from a length of time by being more than thirty years. */
const momentMsMin = 1e12;

function cell(value: unknown, name = ''): string {
  if (value === undefined || value === null) return '-';
  if (typeof value === 'number' && name.endsWith('Ms') && value >= momentMsMin) return new Date(value).toISOString();
  if (Array.isArray(value)) return value.length === 0 ? '(none)' : value.map((item) => cell(item)).join(', ');
  return escapeControls(String(value));
}
