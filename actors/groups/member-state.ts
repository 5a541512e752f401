import type { DialAddress } from '../../protocol/index.js';
import type { MemberRow } from '../../storage/index.js';

/** How a participant wants to be served. What is absent stays as it is. */
export interface MemberWishes {
  tdMs?: number | undefined;
  single?: boolean | undefined;
  instance?: string | undefined;
  address?: Required<DialAddress> | undefined;
}

/** The first number a participant is to be sent, or to be told of as lost. */
export function nextOf({ lostFrom, cursor }: MemberRow): number {
  return lostFrom ?? cursor + 1;
}

/** A participant that has everything up to `seq`, or knows that it is lost. */
export function acknowledged({ lostFrom: _, ...row }: MemberRow, seq: number): MemberRow {
  const lost = seq < row.cursor && { lostFrom: seq + 1 };
  return { ...row, ...lost, cursor: Math.max(row.cursor, seq) };
}

/** A participant that is there, and will get nothing in front of `fromSeq`. */
export function online(row: MemberRow, wishes: MemberWishes, fromSeq: number, nowMs: number): MemberRow {
  const cursor = Math.max(row.cursor, fromSeq - 1);
  const lost = nextOf(row) <= cursor && { lostFrom: nextOf(row) };
  return { ...row, ...given(wishes), ...lost, cursor, seenMs: nowMs, isAway: false };
}

/** A participant that is away. Where it was reached counts no longer. */
export function away({ address: _, lostFrom, ...row }: MemberRow, sinceMs: number, cursor = row.cursor): MemberRow {
  const lost = lostFrom !== undefined && lostFrom <= cursor && { lostFrom };
  return { ...row, ...lost, cursor, seenMs: sinceMs, isAway: true };
}

/** The wishes that were said. */
export function given({ tdMs, single, instance, address }: MemberWishes): Partial<MemberRow> {
  return {
    ...(tdMs !== undefined && { tdMs }),
    ...(single !== undefined && { single }),
    ...(instance !== undefined && { instance }),
    ...(address !== undefined && { address }),
  };
}
