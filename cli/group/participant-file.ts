import path from 'node:path';
import { integer, name, type SettingKind, text } from '../setting-kinds.js';
import { duration } from './duration.js';
import { type FileField, readProgramFile } from './program-file.js';

/** The group of a coordinator that has no other name for it. */
export const defaultGroup = 'group';

/** What `latecomer participant` runs with. */
export interface ParticipantFile {
  /** Its id in the group. */
  id: string;
  /** Path of its message log. */
  log: string;
  coordinator: { host: string; port: number };
  group: string;
  /** Its own bound on how long it may be away, in milliseconds; the smaller one of this and the group's counts. */
  tdMs?: number;
  /** One message per frame. */
  single: boolean;
}

const address: SettingKind = {
  placeholder: 'HOST:PORT',
  expected: 'an address such as 127.0.0.1:7070 or 127.0.0.1 7070',
  fromText: addressOf,
  fromJson: (value) => (typeof value === 'string' ? addressOf(value) : undefined),
};

const flag: SettingKind = {
  placeholder: 'true|false',
  expected: 'true or false',
  fromText: () => undefined,
  fromJson: (value) => (typeof value === 'boolean' ? value : undefined),
};

const fields: readonly FileField[] = [
  { key: 'id', name: 'the id of the participant', kind: name, onLine: true },
  { key: 'log', name: 'the message log', kind: text('PATH', 'the path of a file'), onLine: true },
  { key: 'coordinator', name: 'the address of the coordinator', kind: address, onLine: true },
  { key: 'group', name: 'the group', kind: name, onLine: false, fallback: defaultGroup },
  { key: 'td', name: 'how long it may be away', kind: duration, onLine: false, fallback: undefined },
  { key: 'single', name: 'one message per frame', kind: flag, onLine: false, fallback: false },
];

/**
 * Read a participant's file: three lines (id, message log, `host port` or `host:port` of the coordinator), or JSON with
 * `id`, `log`, `coordinator` and, if need be, `group`, `td` and `single`. A relative log is beside the file.
 * @throws ConfigurationError with one line
 */
export function readParticipantFile(file: string): ParticipantFile {
  const values = readProgramFile(file, fields);
  const { td, ...rest } = values as unknown as Omit<ParticipantFile, 'tdMs'> & { td?: number };
  return { ...rest, log: path.resolve(path.dirname(file), rest.log), ...(td !== undefined && { tdMs: td }) };
}

const port = integer(1, 65_535);

function addressOf(value: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, number] =
    /^(?:\[([^\]\s]+)\]|([^\s:]+|\S+(?=\s)))(?:\s+|:)(\d+)$/.exec(value.trim()) ?? [];
  const host = bracketed ?? plain;
  const found = number === undefined ? undefined : port.fromText(number);
  return host === undefined || found === undefined ? undefined : { host, port: found as number };
}
