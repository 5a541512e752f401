import { blockFirstSeq, verifyBlock } from '../protocol/index.js';
import { splitValue } from './block-value.js';
import { readBlockKey } from './keys.js';
import type { Operation } from './level.js';

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
  values: Buffer[];
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
    const blocks = wholeBlocks(value);
    const firstSeq = blocks && blockFirstSeq(blocks);
    if (
      group &&
      (lastSeq === undefined || firstSeq !== group.lastSeq + 1 || group.bytes + blocks!.length > valueBytes)
    ) {
      write(plan, group);
      group = undefined;
    }
    if (lastSeq === undefined || blocks === undefined || blocks.length > valueBytes) {
      plan.doneSeq = lastSeq ?? plan.doneSeq;
      continue;
    }
    group ??= { keys: [], values: [], bytes: 0, lastSeq };
    group.keys.push(key);
    group.values.push(blocks);
    group.bytes += blocks.length;
    group.lastSeq = lastSeq;
  }
  if (group && (!more || group.bytes > valueBytes / 2)) write(plan, group);
  return plan;
}

function write(plan: CoalescingPlan, group: Group): void {
  plan.doneSeq = group.lastSeq;
  if (group.keys.length === 1) return;
  const last = group.keys.length - 1;
  plan.operations.push({ type: 'put', key: group.keys[last]!, value: Buffer.concat(group.values) });
  for (const key of group.keys.slice(0, last)) plan.operations.push({ type: 'del', key });
}

/** The blocks of a value, without their receipts; `undefined` when they are not all good, or there is something else. */
function wholeBlocks(value: Buffer): Buffer | undefined {
  const { blocks, receipts, end } = splitValue(value);
  const whole = blocks.length > 0 && end === value.length && blocks.every(verifyBlock);
  return whole ? value.subarray(0, end - (receipts?.length ?? 0)) : undefined;
}
