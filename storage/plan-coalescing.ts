import { lastSeqOfBlocks } from '../protocol/index.js';
import { splitValue } from './block-value.js';
import { readBlockKey } from './keys.js';
import type { Operation } from './level.js';
import { isBlockOf, readSealedValue, sealValue } from './sealed-value.js';
import { type Stretch, stretchOf } from './stretch.js';

/** Values are put together up to this size. */
const valueBytes = 64 * 1024;

/** What to write so that small values become fewer. */
export interface CoalescingPlan {
  operations: Operation[];
  /** Last number of what is as it should be, or will be when the operations are written. */
  doneSeq: number;
}

interface Group {
  keys: Buffer[];
  parts: Buffer[];
  bytes: number;
  lastSeq: number;
}

/**
 * Put neighbouring values back to back, not a byte of them changed. A value that is damaged, or has no proper key,
 * or does not follow on the one before, stays as it is: what can be read of it must not depend on its neighbours.
 * @param entries of one log, in order
 * @param more whether values may follow that would fit the last group, so that it is left for later
 */
export function planCoalescing(entries: readonly [Buffer, Buffer][], doneSeq: number, more: boolean): CoalescingPlan {
  const plan: CoalescingPlan = { operations: [], doneSeq };
  let group: Group | undefined;
  for (const [key, value] of entries) {
    const lastSeq = readBlockKey(key)?.lastSeq;
    const whole = wholeStretch(key, value);
    if (group && (whole?.firstSeq !== group.lastSeq + 1 || group.bytes + whole.bytes.length > valueBytes)) {
      write(plan, group);
      group = undefined;
    }
    if (!whole || whole.bytes.length > valueBytes) {
      plan.doneSeq = lastSeq ?? plan.doneSeq;
      continue;
    }
    group ??= { keys: [], parts: [], bytes: 0, lastSeq: whole.lastSeq };
    group.keys.push(key);
    group.parts.push(whole.bytes);
    group.bytes += whole.bytes.length;
    group.lastSeq = whole.lastSeq;
  }
  if (group && (!more || group.bytes > valueBytes / 2)) write(plan, group);
  return plan;
}

function write(plan: CoalescingPlan, group: Group): void {
  plan.doneSeq = group.lastSeq;
  if (group.keys.length === 1) return;
  const last = group.keys.length - 1;
  plan.operations.push({ type: 'put', key: group.keys[last]!, value: sealValue(group.parts) });
  for (const key of group.keys.slice(0, last)) plan.operations.push({ type: 'del', key });
}

/** The blocks of a value, without their receipts; `undefined` when they are not all good, or there is something else. */
function wholeStretch(key: Buffer, value: Buffer): Stretch | undefined {
  const { log, lastSeq } = readBlockKey(key) ?? { log: 0, lastSeq: 0 };
  const whole = readSealedValue(value, log) ?? goodBlocks(value, log);
  return whole?.lastSeq === lastSeq ? whole : undefined;
}

function goodBlocks(value: Buffer, log: number): Stretch | undefined {
  const { blocks, receipts, end } = splitValue(value);
  const bytes = value.subarray(0, end - (receipts?.length ?? 0));
  const lastSeq = lastSeqOfBlocks(bytes, bytes.length);
  const [first] = blocks;
  if (!first || end !== value.length || lastSeq === undefined) return undefined;
  return blocks.every((block) => isBlockOf(block, log)) ? { ...stretchOf(first), bytes, lastSeq } : undefined;
}
