import { expect, it } from 'vitest';
import { sessionsText } from '../../cli/sessions-text.js';
import type { SessionSummary } from '../../client/index.js';

const at = (iso: string) => Date.parse(iso);
const session = (more: Partial<SessionSummary>): SessionSummary => ({
  source: 'main',
  session: '2030010901',
  log: 1,
  epoch: 'e',
  state: 'active',
  firstSeq: 1,
  lastSeq: 0,
  createdMs: at('2030-01-09T08:00:00.123Z'),
  ...more,
});

it('lists what a person wants to know of each session', () => {
  const lines = sessionsText(
    [
      session({
        state: 'ended',
        discarded: true,
        discardReason: 'wrong\tprices',
        firstSeq: 11,
        lastSeq: 1_000,
        endedMs: at('2030-01-09T17:00:05.123Z'),
        reason: 'wrong\tprices',
        bytes: 6_420_000,
        digest: '825d8e38bbcd0783967b20a5fd27ea34af59d400f15d8267109349fb5a743cd7',
      }),
      session({
        state: 'ended',
        endedMs: at('2030-01-09T08:00:01Z'),
        reason: 'closed',
        discarded: true,
        discardReason: 'a test',
      }),
      session({ session: '2030010902', createdMs: at('2030-01-09T17:00:05.123Z') }),
      session({ session: '2030010903', rollsMs: at('2030-01-11T17:00:00Z') }),
    ],
    at('2030-01-11T18:30:00Z'),
  );
  expect(lines).toEqual([
    'SOURCE     SESSION  STATE      MESSAGES  FIRST  LAST  STARTED              ENDED                LASTED  SIZE    SHA-256       REASON',
    'main    2030010901  discarded       990     11  1000  2030-01-09 08:00:00  2030-01-09 17:00:05  9h 0m   6.4 MB  825d8e38bbcd  wrong\\tprices',
    'main    2030010901  discarded         0               2030-01-09 08:00:00  2030-01-09 08:00:01  0s                            closed; discarded: a test',
    'main    2030010902  active            0               2030-01-09 17:00:05                       2d 1h',
    'main    2030010903  active            0               2030-01-09 08:00:00                       2d 10h                        to be rolled at 2030-01-11 17:00:00',
  ]);
});
