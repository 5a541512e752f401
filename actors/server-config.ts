import type { Durability } from '../protocol/index.js';
import type { GroupConfig } from './groups/group-config.js';
import type { InputConfig } from './inputs/input-config.js';

/** What the built-in Generator produces. */
export interface GeneratorConfig {
  /** Messages a second; 0 switches it off. */
  rate: number;
  /** Bytes of each message; at least what its text takes. */
  payloadBytes: number;
  /** Stops after this many messages; 0 goes on for ever. */
  count: number;
  /** The source it feeds. */
  source: string;
}

/**
 * What becomes of requests for sessions that have ended: `pull` – they are served from the log; `reject` – only those who
 * were reading one are served, to its end.
 */
export type ClosedSessions = 'pull' | 'reject';

/** The whole configuration of a server, every value settled. */
export interface ServerConfig {
  /** Directory of the log; created when absent. */
  data: string;
  host: string;
  /** 0 lets the system pick one. */
  port: number;
  durability: Durability;
  /** Names of the sources served; the first is the default of `latecomer publish` and `tail`. */
  sources: string[];
  generator: GeneratorConfig;
  /** Groups of participants; each is a source as well. */
  groups: GroupConfig[];
  /** Where messages come from beside publishers and the generator. */
  inputs: InputConfig[];
  /** Time of day, `HH:MM`, at which every session is rolled; absent: not by the clock. */
  rollAt?: string;
  /** Time zone of `rollAt` and of the dates in the names of sessions. */
  timeZone: string;
  closedSessions: ClosedSessions;
  /** Placement file in comedy's format; absent: `actors.json` of the package. */
  actors?: string;
  /** Port for clients of the Soup family; 0 lets the system pick one. */
  soupPort: number | 'off';
  /** The source whose sessions Soup clients get. */
  soupSource: string;
  /** User name a Soup login must have; absent: any. */
  soupUser?: string;
  /** Password a Soup login must have; absent: any. */
  soupPassword?: string;
  /** Connections accepted at the same time, on each port; one more is told ERR_TOO_MANY_CONNECTIONS. */
  connectionsMax: number;
  /** Connections of them that may be waiting for their login. */
  loginsMax: number;
  /** Recent blocks held in memory per log. */
  ringBytesMax: number;
  /** Pages read back from the log that are kept for other readers. */
  pageCacheBytesMax: number;
  /** Publishes are refused when the disk has less than this left. */
  diskReserveBytes: number;
  /** Unacknowledged publish bytes of all publishers together. */
  publishBytesMax: number;
  /** After this long without an answer from a failed disk, publishers are told ERR_OUTCOME_UNKNOWN. */
  outcomeDeadlineMs: number;
  /** Ended sessions are archived here; absent: they are not. */
  archiveDirectory?: string;
  /** Ended sessions are removed so many milliseconds after their end; 0: never for their age. */
  retentionAgeMs: number;
  /** Ended sessions kept of each source; 0: any number. */
  retentionCount: number;
  /** Bytes of ended sessions kept, of all sources together; 0: any number. */
  retentionBytes: number;
  /** A session that is due to be removed is kept so long for those who read it. */
  retentionGraceMs: number;
}

/** The defaults, as `latecomer check` prints them. */
export const defaultServerConfig: ServerConfig = {
  data: './latecomer-data',
  host: '127.0.0.1',
  port: 7070,
  durability: 'disk',
  sources: ['main'],
  generator: { rate: 2, payloadBytes: 64, count: 0, source: 'main' },
  soupPort: 'off',
  groups: [],
  soupSource: 'main',
  inputs: [],
  timeZone: 'UTC',
  closedSessions: 'pull',
  connectionsMax: 10_000,
  loginsMax: 1_000,
  ringBytesMax: 16 * 1024 * 1024,
  pageCacheBytesMax: 32 * 1024 * 1024,
  diskReserveBytes: 256 * 1024 * 1024,
  publishBytesMax: 64 * 1024 * 1024,
  outcomeDeadlineMs: 30_000,
  retentionAgeMs: 0,
  retentionCount: 0,
  retentionBytes: 0,
  retentionGraceMs: 10 * 60_000,
};
