import { KeyKind, kindRange, readReceiptKey, receiptKey } from './keys.js';
import { firstEntry, iterate, type LevelHandle } from './level.js';
import { lastNumberOf, type ReceiptRow, readReceiptRow, unreadableRow } from './receipt-row.js';

/** A row with the number of its last publish, and the key it has in the database. */
export interface StoredReceipts {
  key: Buffer;
  lastNumber: number;
  row: ReceiptRow;
}

/** Rows asked for at once: most publishers have few. */
const rowsAtOnce = 64;

/**
 * A bit flipped in a table can give a row the key of another publisher, and with it those behind it whose keys are
 * stored as what differs from it, at most 15. A publisher's rows end where more rows than that are not its own.
 */
const strangersMax = 16;

/**
 * The rows of a publisher, in the order of their numbers. A damaged key hides neither the rows behind it, nor the last
 * one.
 * @param prefix what the keys of its rows start with
 */
export async function loadReceipts(level: LevelHandle, prefix: Buffer): Promise<StoredReceipts[]> {
  const entries = await readForward(level, prefix);
  const last = await firstEntry(level, { gte: receiptKey(prefix, 0), lt: endOf(prefix), reverse: true });
  if (last && isOf(prefix, last[0]) && !entries.some(([key]) => key.equals(last[0]))) entries.push(last);
  const rows: StoredReceipts[] = [];
  for (const [key, value] of entries) {
    const stored = settle(key, readReceiptRow(value), rows[rows.length - 1]?.lastNumber);
    if (Number.isSafeInteger(stored.lastNumber)) rows.push(stored);
  }
  return rows.sort((one, other) => one.lastNumber - other.lastNumber);
}

async function readForward(level: LevelHandle, prefix: Buffer): Promise<[Buffer, Buffer][]> {
  const own: [Buffer, Buffer][] = [];
  const iterator = iterate(level, { gte: receiptKey(prefix, 0), lt: kindRange(KeyKind.RECEIPT).lt });
  try {
    for (let strangers = 0; strangers <= strangersMax; ) {
      const some = await iterator.nextv(rowsAtOnce);
      if (some.length === 0) break;
      for (const entry of some) {
        if (isOf(prefix, entry[0])) {
          own.push(entry);
          strangers = 0;
        } else strangers += 1;
        if (strangers > strangersMax) break;
      }
    }
  } finally {
    await iterator.close();
  }
  return own;
}

/**
 * Key and runs say the same, unless one of them is damaged. Runs that go on where the row before ended are right, others
 * are not. With no row before, the lower number counts: with the higher one a publisher would take for written what is
 * not.
 */
function settle(key: Buffer, row: ReceiptRow, previousNumber: number | undefined): StoredReceipts {
  const fromKey = readReceiptKey(key);
  const fromRuns = lastNumberOf(row.runs) ?? fromKey;
  const isRight = previousNumber === undefined ? fromRuns <= fromKey : row.runs[0]?.[0] === previousNumber + 1;
  if (fromRuns === fromKey || isRight) return { key, lastNumber: fromRuns, row };
  return { key, lastNumber: fromKey, row: unreadableRow };
}

function isOf(prefix: Buffer, key: Buffer): boolean {
  return key.length === prefix.length + 8 && key.subarray(0, prefix.length).equals(prefix);
}

function endOf(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.alloc(9, 0xff)]);
}
