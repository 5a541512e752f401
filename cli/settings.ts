import { defaultServerConfig, type ServerConfig } from '../actors/server-config.js';
import { limits } from '../protocol/index.js';
import { soupLimits } from '../protocol/soup/index.js';
import {
  groups,
  inputs,
  integer,
  login,
  name,
  names,
  oneOf,
  portOrOff,
  rate,
  type SettingKind,
  text,
  timeOfDay,
  timeZone,
} from './setting-kinds.js';

/** Levels of the log, most talkative first. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** A level of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** The configuration of a server process: the server's own, and how much it logs. */
export interface Settings extends ServerConfig {
  logLevel: LogLevel;
}

/** One value that can be set by flag, environment variable or configuration file. */
export interface Setting {
  /** Where it stands in {@link Settings} and in a configuration file, with a dot between levels. */
  key: string;
  /** Its flag, without the dashes. */
  flag: string;
  /** Its environment variable. */
  variable: string;
  kind: SettingKind;
  /** Relative values of a file start from that file's directory, others from the working directory. */
  isPath: boolean;
  description: string;
  /** It is not shown to people. */
  isSecret: boolean;
  /** The value it has when nothing sets it; `undefined` for one that may be absent. */
  fallback: unknown;
}

const mebibyte = 1024 * 1024;
const file = (expected: string) => ({ kind: text('PATH', expected), isPath: true });

/** Every setting, in the order `--help` and `check` list them. */
export const settings: readonly Setting[] = [
  setting('data', file('the path of a directory'), 'directory of the log, created when absent'),
  setting('host', text('HOST', 'an address or host name'), 'address to listen on, or to connect to'),
  setting('port', integer(0, 65_535), 'TCP port; with serve, 0 picks a free one and prints it'),
  setting('durability', oneOf('disk', 'os'), 'acknowledge after fsync (disk), or after the write (os)'),
  setting('sources', names, 'source to serve, can be repeated; the first is the default of publish and tail', {
    flag: 'source',
  }),
  setting('generator.rate', rate(1_000_000), 'messages a second the built-in generator makes', {
    flag: 'generator',
    variable: 'LATECOMER_GENERATOR',
  }),
  setting('generator.payloadBytes', integer(1, limits.payloadBytesMax), 'bytes of each generated message'),
  setting('generator.count', integer(0), 'generated messages to stop after; 0 goes on for ever'),
  setting('generator.source', name, 'source the generator feeds; the first one when not given'),
  setting('inputs', inputs, 'where messages come from beside publishers, as a list of { kind, name, … }'),
  setting('groups', groups, 'groups of participants, each a source too, as a list of { name, td, … }'),
  setting('rollAt', timeOfDay, 'time of day at which every session is rolled; not by the clock when not given'),
  setting('timeZone', timeZone, 'time zone of --roll-at and of the dates in the names of sessions'),
  setting(
    'closedSessions',
    oneOf('pull', 'reject'),
    'sessions that have ended: serve them from the log, or reject requests',
  ),
  setting(
    'actors',
    file('the path of a placement file, or edges or rewinds'),
    'what runs in processes of its own: a placement file, or the ready-made edges or rewinds',
  ),
  setting('soupPort', portOrOff, 'TCP port for clients of SoupBinTCP and SoupTCP; 0 picks a free one and prints it'),
  setting('soupSource', name, 'source whose sessions Soup clients get; the first one when not given'),
  setting('soupUser', login(soupLimits.userBytes), 'user name Soup clients log in with; any when not given'),
  setting('soupPassword', login(soupLimits.passwordBytes), 'password Soup clients log in with; any when not given', {
    isSecret: true,
  }),
  setting('connectionsMax', integer(1, 1_000_000), 'connections at the same time, on each port'),
  setting('loginsMax', integer(1, 1_000_000), 'connections of them that may be waiting for their login'),
  setting('ringBytesMax', integer(limits.blockBytesMax), 'bytes of recent messages held in memory per session'),
  setting('pageCacheBytesMax', integer(mebibyte), 'bytes of older messages held in memory'),
  setting('diskReserveBytes', integer(0), 'publishes are refused when the disk has less room than this'),
  setting('publishBytesMax', integer(limits.publishWindowBytes), 'unacknowledged bytes of all publishers together'),
  setting('outcomeDeadlineMs', integer(1, 3_600_000), 'publishers of a failed disk are told after this long'),
  setting(
    'archiveDirectory',
    file('the path of a directory'),
    'directory in which sessions are archived when they have ended; without one they are not',
  ),
  setting('retentionAgeMs', integer(0), 'ended sessions are removed this long after their end; 0: never'),
  setting('retentionCount', integer(0), 'ended sessions that are kept of each source; 0: all'),
  setting('retentionBytes', integer(0), 'bytes of ended sessions that are kept, of all sources; 0: all'),
  setting('retentionGraceMs', integer(0), 'a session that is due is kept this long for those who read it'),
  setting('logLevel', oneOf(...logLevels), 'least important level that is logged'),
];

function setting(
  key: string,
  kind: SettingKind | { kind: SettingKind; isPath: boolean },
  description: string,
  more: { flag?: string; variable?: string; isSecret?: boolean } = {},
): Setting {
  const { kind: settledKind, isPath } = 'kind' in kind ? kind : { kind, isPath: false };
  const words = key.replaceAll('.', '-').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    key,
    flag: more.flag ?? words,
    variable: more.variable ?? `LATECOMER_${words.replaceAll('-', '_').toUpperCase()}`,
    kind: settledKind,
    isPath,
    description,
    isSecret: more.isSecret ?? false,
    fallback: fallbackOf(key),
  };
}

function fallbackOf(key: string): unknown {
  let value: unknown = { ...defaultServerConfig, logLevel: 'info' } satisfies Settings;
  for (const part of key.split('.')) value = (value as Record<string, unknown>)[part];
  return value;
}
