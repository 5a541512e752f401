import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCoordinatorFile } from '../../../cli/group/coordinator-file.js';
import { readParticipantFile } from '../../../cli/group/participant-file.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

let directory: string;
let remove: () => Promise<void>;
let file: string;

beforeAll(async () => {
  ({ directory, remove } = await temporaryDirectory());
  file = path.join(directory, 'file');
});

afterAll(() => remove());

describe('the file of a coordinator', () => {
  const group = { name: 'group', tdMs: 60_000, lagMs: 3_600_000, membersMax: 10_000, dialBack: 'same-address' };

  it.each([
    ['7070\n60\n', { port: 7070, group }],
    ['  0  \r\n 0.5 \r\n\r\n', { port: 0, group: { ...group, tdMs: 500 } }],
    ['7070\n12h', { port: 7070, group: { ...group, tdMs: 43_200_000, lagMs: 86_400_000 } }],
    ['{ "port": 7070, "td": 60 }', { port: 7070, group }],
    [
      '\n{ "port": 0, "td": "90s", "group": "team", "host": "0.0.0.0", "lag": "3m", "membersMax": 5, "dialBack": "any" }',
      {
        port: 0,
        host: '0.0.0.0',
        group: { name: 'team', tdMs: 90_000, lagMs: 180_000, membersMax: 5, dialBack: 'any' },
      },
    ],
  ])('is read: %j', async (text, expected) => {
    await writeFile(file, text);
    expect(readCoordinatorFile(file)).toEqual(expected);
  });

  it.each([
    ['', /file: the port is missing; expected a whole number from 0 to 65535$/],
    ['7070', /file: the time a participant may be away is missing; expected seconds such as 60/],
    ['70700\n60', /file, line 1 \(the port\): expected a whole number from 0 to 65535, found "70700"$/],
    ['7070\n-1', /file, line 2 \(the time a participant may be away\): expected seconds .*, found "-1"$/],
    ['7070\n60 years', /line 2 .*, found "60 years"$/],
    ['7070\n60\nx', /file: expected 2 lines: the port, the time .*; found another line, "x"$/],
    ['{ "port": 7070, "tdd": 60 }', /file: there is no key "tdd" \(did you mean td\?\)$/],
    ['{ "port": "7070", "td": 60 }', /port in .*file: expected a whole number from 0 to 65535, found "7070"$/],
    [
      '{ "port": 7070, "td": 60, "membersMax": 0 }',
      /file: membersMax: expected a whole number of at least 1, found 0$/,
    ],
    ['{ "port": 7070, "td": 60, "lag": "1m" }', /file: lag: expected a duration that is longer than td, found "1m"$/],
    ['{ "port": 7070, "td": 60, "dialBack": 7 }', /file: dialBack: expected same-address, any, or a list .*, found 7$/],
    ['{ "port": 7070, ', /^cannot read .*file: [^\n]*JSON[^\n]*$/],
  ])('is refused in one line: %j', async (text, expected) => {
    await writeFile(file, text);
    expect(() => readCoordinatorFile(file)).toThrow(expected);
  });

  it('must be there', () => {
    expect(() => readCoordinatorFile(path.join(directory, 'nope'))).toThrow(/nope: there is no such file$/);
  });
});

describe('the file of a participant', () => {
  const seed = { id: 'alice', coordinator: { host: '10.0.0.7', port: 7070 }, group: 'group', single: false };

  it.each([
    ['alice\nalice.log\n10.0.0.7 7070\n', seed],
    ['alice\nalice.log\n10.0.0.7:7070', seed],
    ['alice\nalice.log\n[::1]:7070', { ...seed, coordinator: { host: '::1', port: 7070 } }],
    ['alice\nalice.log\n::1 7070', { ...seed, coordinator: { host: '::1', port: 7070 } }],
    ['{ "id": "alice", "log": "alice.log", "coordinator": "10.0.0.7:7070" }', seed],
    [
      '{ "id": "alice", "log": "alice.log", "coordinator": "10.0.0.7 7070", "group": "team", "td": 1.5, "single": true }',
      { ...seed, group: 'team', tdMs: 1_500, single: true },
    ],
  ])('is read: %j', async (text, expected) => {
    await writeFile(file, text);
    expect(readParticipantFile(file)).toEqual({ ...expected, log: path.join(directory, 'alice.log') });
  });

  it('may name a log elsewhere', async () => {
    await writeFile(file, 'alice\n/var/log/alice\nhost:1');
    expect(readParticipantFile(file).log).toBe('/var/log/alice');
  });

  it.each([
    ['two words\nalice.log\nhost:1', /line 1 \(the id of the participant\): expected a name of 1 to 64 bytes/],
    ['alice\n\nhost:1', /line 2 \(the message log\): expected the path of a file, found ""$/],
    ['alice\nalice.log', /file: the address of the coordinator is missing; expected an address such as/],
    [
      'alice\nalice.log\nhost',
      /line 3 \(the address of the coordinator\): expected an address such as .*, found "host"$/,
    ],
    ['alice\nalice.log\nhost:0', /line 3 .*, found "host:0"$/],
    ['alice\nalice.log\nhost:65536', /line 3 .*, found "host:65536"$/],
    ['alice\nalice.log\n::1:7070', /line 3 .*, found "::1:7070"$/],
    [
      '{ "id": "alice", "log": "a", "coordinator": "h:1", "single": "yes" }',
      /single in .*: expected true or false, found "yes"$/,
    ],
  ])('is refused in one line: %j', async (text, expected) => {
    await writeFile(file, text);
    expect(() => readParticipantFile(file)).toThrow(expected);
  });
});
