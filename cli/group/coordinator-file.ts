import { integer, name, text } from '../setting-kinds.js';
import { duration } from './duration.js';
import { defaultGroup } from './participant-file.js';
import { type FileField, readProgramFile } from './program-file.js';

/** What `latecomer coordinator` runs with. */
export interface CoordinatorFile {
  /** 0 picks a free one. */
  port: number;
  /** How long a participant may be away and lose nothing, in milliseconds. */
  tdMs: number;
  /** Name of its one group. */
  group: string;
  /** Address to listen on; absent: the one of `latecomer serve`. */
  host?: string;
}

const fields: readonly FileField[] = [
  { key: 'port', name: 'the port', kind: integer(0, 65_535), onLine: true },
  { key: 'td', name: 'the time a participant may be away', kind: duration, onLine: true },
  { key: 'group', name: 'the name of the group', kind: name, onLine: false, fallback: defaultGroup },
  { key: 'host', name: 'the host', kind: text('HOST', 'an address or host name'), onLine: false, fallback: undefined },
];

/**
 * Read a coordinator's file: two lines (port, td in seconds), or JSON with `port`, `td` and, if need be, `group` and `host`.
 * @throws ConfigurationError with one line
 */
export function readCoordinatorFile(file: string): CoordinatorFile {
  const { td, ...rest } = readProgramFile(file, fields) as unknown as Omit<CoordinatorFile, 'tdMs'> & { td: number };
  return { ...rest, tdMs: td };
}
