import type { SessionSummary } from '../client/index.js';
import { escapeControls } from './escape-controls.js';
import { sizeText } from './size-text.js';
import { table } from './table.js';

/** A column, and what it says of a session. */
type Column = readonly [heading: string, cell: (session: SessionSummary, nowMs: number) => string];

/** As much of a digest as tells sessions apart. */
const digestLength = 12;

const columns: readonly Column[] = [
  ['SOURCE', ({ source }) => source],
  ['SESSION', ({ session }) => session],
  ['STATE', ({ state, discarded }) => (discarded ? 'discarded' : state)],
  ['MESSAGES', ({ firstSeq, lastSeq }) => String(lastSeq - firstSeq + 1)],
  ['FIRST', ({ firstSeq, lastSeq }) => (lastSeq < firstSeq ? '' : String(firstSeq))],
  ['LAST', ({ firstSeq, lastSeq }) => (lastSeq < firstSeq ? '' : String(lastSeq))],
  ['STARTED', ({ createdMs }) => time(createdMs)],
  ['ENDED', ({ endedMs }) => (endedMs === undefined ? '' : time(endedMs))],
  ['LASTED', ({ createdMs, endedMs }, nowMs) => duration((endedMs ?? nowMs) - createdMs)],
  ['SIZE', ({ bytes }) => (bytes === undefined ? '' : sizeText(bytes))],
  ['SHA-256', ({ digest = '' }) => digest.slice(0, digestLength)],
  ['REASON', why],
];

/** The catalogue as lines for a person. @param nowMs milliseconds since 1970 */
export function sessionsText(sessions: readonly SessionSummary[], nowMs: number): string[] {
  const rows = sessions.map((session) => columns.map(([, cell]) => escapeControls(cell(session, nowMs))));
  return table(
    columns.map(([heading]) => heading),
    rows,
  );
}

/** Why it ended, or when it will. */
function why({ reason = '', discardReason = reason, rollsMs }: SessionSummary): string {
  if (rollsMs !== undefined) return `to be rolled at ${time(rollsMs)}`;
  return discardReason === reason ? reason : `${reason}; discarded: ${discardReason}`;
}

/** Such as `2026-11-21 17:00:00`, in UTC. */
function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** The two largest units of it, such as `2d 4h` or `12s`. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  return units
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
