import { Packr } from 'msgpackr';
import type { Durability, ReceiptRun } from '../protocol/index.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: 'number' });

/** The acknowledged publishes of one publisher in one block. */
export interface ReceiptRow {
  log: number;
  session: string;
  epoch: string;
  durability: Durability;
  /** When they were acknowledged. */
  timeMs: number;
  /** In the order of their numbers. */
  runs: ReceiptRun[];
}

/** A row of which nothing is known; it never expires. */
export const unreadableRow: Readonly<ReceiptRow> = {
  log: 0,
  session: '',
  epoch: '',
  durability: 'os',
  timeMs: Infinity,
  runs: [],
};

/** A row as it is stored. */
export function packReceiptRow(row: ReceiptRow): Buffer {
  return packr.pack(row);
}

/** A row that cannot be read still says, by its key, up to where publishes were taken; only its runs are not known. */
export function readReceiptRow(value: Buffer): ReceiptRow {
  try {
    const row = packr.unpack(value) as ReceiptRow;
    return Array.isArray(row?.runs) ? row : unreadableRow;
  } catch {
    return unreadableRow;
  }
}

/** The last publish number of runs; `undefined` when they do not follow on one another, and so are damaged. */
export function lastNumberOf(runs: readonly ReceiptRun[]): number | undefined {
  let next: number | undefined;
  for (const run of runs) {
    if (!Array.isArray(run) || !run.every(Number.isSafeInteger)) return undefined;
    const [firstNumber, publishes] = run;
    if (next !== undefined && firstNumber !== next) return undefined;
    next = firstNumber + publishes;
  }
  return next === undefined ? undefined : next - 1;
}
