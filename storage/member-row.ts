import type { Logger } from 'pino';
import type { DialAddress } from '../protocol/index.js';
import { memberKey, memberPrefix } from './keys.js';
import { entries, type LevelHandle, type Operation } from './level.js';

/** What is on record of a participant of a group. */
export interface MemberRow {
  participant: string;
  /** Last number it has acknowledged, or has no claim to. */
  cursor: number;
  /** First number of what has expired, up to the cursor, and of which it has not acknowledged to know. */
  lostFrom?: number;
  /** Milliseconds since 1970 at which it was registered. */
  joinedMs: number;
  /** Milliseconds since 1970 at which it was last known to be there. */
  seenMs: number;
  /** Whether it has been away since then. */
  isAway: boolean;
  /** Its own time bound. */
  tdMs?: number;
  /** It gets one message in each frame. */
  single?: boolean;
  /** The run of its program that has connected last. */
  instance?: string;
  /** Where it listens, while it is there. */
  address?: Required<DialAddress>;
}

/** The write that puts a participant on record. */
export function memberWrite(source: string, row: MemberRow): Operation {
  return { type: 'put', key: memberKey(source, row.participant), value: Buffer.from(JSON.stringify(row)) };
}

/** The write that takes a participant off the record. */
export function memberDeletion(source: string, participant: string): Operation {
  return { type: 'del', key: memberKey(source, participant) };
}

/** All participants of a group, in the order of their registration. One whose row is damaged is not registered any more. */
export async function readMembers(level: LevelHandle, source: string, logger: Logger): Promise<MemberRow[]> {
  const rows: MemberRow[] = [];
  const gte = memberPrefix(source);
  // A name's first byte is its length, which is never that large.
  const lt = Buffer.concat([gte, Buffer.from([0xff])]);
  for await (const [key, value] of entries(level, { gte, lt })) {
    const row = readRow(value);
    if (row) rows.push(row);
    else logger.error({ source, key: key.toString('hex') }, 'what is on record of a participant is damaged');
  }
  return rows.sort((one, other) => one.joinedMs - other.joinedMs);
}

/** What is on record of one participant. */
export async function readMember(
  level: LevelHandle,
  source: string,
  participant: string,
): Promise<MemberRow | undefined> {
  const value = await level.get(memberKey(source, participant));
  return value && readRow(value);
}

function readRow(value: Buffer): MemberRow | undefined {
  try {
    return JSON.parse(value.toString()) as MemberRow;
  } catch {
    return undefined;
  }
}
