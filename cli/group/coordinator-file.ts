import { type GroupConfig, GroupConfigError, readGroups } from '../../actors/groups/group-config.js';
import { ConfigurationError } from '../cli-error.js';
import { integer, name, type SettingKind, text } from '../setting-kinds.js';
import { duration } from './duration.js';
import { defaultGroup } from './participant-file.js';
import { type FileField, readProgramFile } from './program-file.js';

/** What `latecomer coordinator` runs with. */
export interface CoordinatorFile {
  /** 0 picks a free one. */
  port: number;
  /** Address to listen on; absent: the one of `latecomer serve`. */
  host?: string;
  /** Its one group. */
  group: GroupConfig;
}

/** What is checked where groups are. */
const ofGroup: SettingKind = {
  placeholder: 'JSON',
  expected: 'JSON',
  fromText: () => undefined,
  fromJson: (value) => value,
};

const fields: readonly FileField[] = [
  { key: 'port', name: 'the port', kind: integer(0, 65_535), onLine: true },
  { key: 'td', name: 'the time a participant may be away', kind: duration, onLine: true },
  { key: 'group', name: 'the name of the group', kind: name, onLine: false, fallback: defaultGroup },
  { key: 'host', name: 'the host', kind: text('HOST', 'an address or host name'), onLine: false, fallback: undefined },
  { key: 'lag', name: 'how far a participant may be behind', kind: ofGroup, onLine: false, fallback: undefined },
  { key: 'membersMax', name: 'how many members', kind: ofGroup, onLine: false, fallback: undefined },
  { key: 'dialBack', name: 'where participants may listen', kind: ofGroup, onLine: false, fallback: undefined },
];

/**
 * Read a coordinator's file: two lines (port, td in seconds), or JSON with `port`, `td` and, if need be, `group`, `host`,
 * `lag`, `membersMax` and `dialBack`.
 * @throws ConfigurationError with one line
 */
export function readCoordinatorFile(file: string): CoordinatorFile {
  const { port, host, group: name, td, ...rest } = readProgramFile(file, fields);
  try {
    const [group] = readGroups([{ name, td: `${td}ms`, ...rest }], []);
    return { port: port as number, ...(host !== undefined && { host: host as string }), group: group! };
  } catch (error) {
    if (!(error instanceof GroupConfigError)) throw error;
    throw new ConfigurationError(`${file}: ${error.message.replace('groups[0].', '')}`, { cause: error });
  }
}
