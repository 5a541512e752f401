import { limits } from '../../protocol/index.js';

/** To which addresses a server connects to reach participants: that of the command, any, or these. */
export type DialTargets = 'same-address' | 'any' | readonly string[];

/** A group as it is configured. */
export interface GroupConfig {
  /** Also the name of its source. */
  name: string;
  /** Time bound, in milliseconds. */
  tdMs: number;
  /** For how long a participant that is connected may leave a message unacknowledged, in milliseconds; more than `tdMs`. */
  lagMs: number;
  membersMax: number;
  dialBack: DialTargets;
}

/** A configuration of groups that cannot be; the message says where, what was expected and what was found. */
export class GroupConfigError extends Error {
  override readonly name = 'GroupConfigError';
  readonly code = 'ERR_GROUP_CONFIGURATION';
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Longer than any clock will run; a multiple of it is small enough to be added to a time. */
const tdMsMax = 36_500 * 86_400_000;
/** Time to catch up after td, where td is short. */
const lagMsMin = 3_600_000;
const fields = ['name', 'td', 'tdMs', 'lag', 'lagMs', 'membersMax', 'dialBack'];

/** The defaults of what need not be given. */
export const groupDefaults = { membersMax: 10_000, dialBack: 'same-address' } as const;

/**
 * Check a list of groups as it stands in a configuration: `{ name, td, lag?, membersMax?, dialBack? }`. In place of `td`
 * and `lag` it may have `tdMs` and `lagMs`, as a configuration that was checked has it.
 * @param sources names that are taken
 * @throws GroupConfigError with the first thing that is wrong
 */
export function readGroups(value: unknown, sources: readonly string[]): GroupConfig[] {
  if (!Array.isArray(value)) throw wrong('groups', 'a list of groups', value);
  const groups = value.map((entry, index) => readGroup(entry, `groups[${index}]`));
  groups.forEach(({ name }, index) => {
    const taken = sources.includes(name) || groups.slice(0, index).some((other) => other.name === name);
    if (taken) throw wrong(`groups[${index}].name`, 'a name no source and no other group has', name);
  });
  return groups;
}

/** Milliseconds of a duration: a number of seconds, or text such as `90s`, `500ms`, `15m`; `undefined` when it is none. */
export function durationMs(value: unknown): number | undefined {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(String(value)) ?? [];
  const isDuration = digits !== undefined && (typeof value === 'number' || typeof value === 'string');
  const ms = isDuration ? Math.round(Number(digits) * unitMs[unit]!) : Number.NaN;
  return ms <= 2 * tdMsMax ? ms : undefined;
}

function readGroup(entry: unknown, at: string): GroupConfig {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw wrong(at, 'an object with name and td', entry);
  }
  const given = entry as Record<string, unknown>;
  for (const key of Object.keys(given)) if (!fields.includes(key)) throw wrong(at, `one of ${fields.join(', ')}`, key);
  const { name, td, lag, membersMax = groupDefaults.membersMax, dialBack = groupDefaults.dialBack } = given;
  const tdMs = durationMs(td ?? inMs(given.tdMs));
  if (!isName(name)) throw wrong(`${at}.name`, `a name of 1 to ${limits.nameBytesMax} bytes without spaces`, name);
  if (tdMs === undefined || tdMs > tdMsMax)
    throw wrong(`${at}.td`, 'a number of seconds, or a duration such as "15m"', td);
  const lagMs = durationMs(lag ?? inMs(given.lagMs) ?? inMs(Math.max(2 * tdMs, lagMsMin)));
  if (lagMs === undefined || lagMs <= tdMs) throw wrong(`${at}.lag`, 'a duration that is longer than td', lag);
  if (!Number.isSafeInteger(membersMax) || (membersMax as number) < 1) {
    throw wrong(`${at}.membersMax`, 'a whole number of at least 1', membersMax);
  }
  if (!isTargets(dialBack)) throw wrong(`${at}.dialBack`, 'same-address, any, or a list of addresses', dialBack);
  return { name, tdMs, lagMs, membersMax: membersMax as number, dialBack };
}

function inMs(value: unknown): string | undefined {
  return value === undefined ? undefined : `${value}ms`;
}

function isName(value: unknown): value is string {
  const isText = typeof value === 'string' && /^[^\s,\p{Cc}]+$/u.test(value);
  return isText && Buffer.byteLength(value) <= limits.nameBytesMax;
}

function isTargets(value: unknown): value is DialTargets {
  if (value === 'same-address' || value === 'any') return true;
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}

function wrong(at: string, expected: string, found: unknown): GroupConfigError {
  const text = found === undefined ? 'nothing' : JSON.stringify(found);
  return new GroupConfigError(`${at}: expected ${expected}, found ${text}`);
}
