import { limits } from './limits.js';

/** A kind of field: how it is described in a message and what a value must be. */
export interface FieldKind {
  /** As the tables of protocol/README.md write it. */
  name: string;
  /** What it is in words, where the name does not say it all. */
  words?: string;
  check(value: unknown): boolean;
}

/** A field of a control message. */
export interface Field extends FieldKind {
  optional: boolean;
}

/** The fields of one control message. */
export type Fields = Record<string, Field>;

const required = (kind: FieldKind): Field => ({ ...kind, optional: false });
const optional = (kind: FieldKind): Field => ({ ...kind, optional: true });

const uint: FieldKind = { name: 'uint', check: (value) => Number.isSafeInteger(value) && (value as number) >= 0 };
const bool: FieldKind = { name: 'bool', check: (value) => typeof value === 'boolean' };
const text: FieldKind = { name: 'text', check: (value) => typeof value === 'string' };
const name: FieldKind = {
  name: 'name',
  check: (value) => typeof value === 'string' && Buffer.byteLength(value) <= limits.nameBytesMax,
};
const reasonText: FieldKind = {
  name: 'reason',
  words: `a text of 1 to ${limits.reasonBytesMax} bytes`,
  check: (value) =>
    typeof value === 'string' && value.trim() !== '' && Buffer.byteLength(value) <= limits.reasonBytesMax,
};
const map: FieldKind = { name: 'map', check: isMap };
const list = (kind: FieldKind, maximum: number): FieldKind => ({
  name: `[${kind.name}]`,
  check: (value) => Array.isArray(value) && value.length <= maximum && value.every((item) => kind.check(item)),
});
const oneOf = (...values: string[]): FieldKind => ({
  name: values.join(' \\| '),
  check: (value) => values.includes(value as string),
});
const record = (kindName: string, fields: Fields): FieldKind => ({
  name: kindName,
  check: (value) => isMap(value) && firstBadField(value, fields) === undefined,
});

const durability = oneOf('disk', 'os');
const sessionState = oneOf('active', 'ended');
const remedy = oneOf('never', 'retry', 'reconnect');
const run: FieldKind = {
  name: 'run',
  check: (value) => Array.isArray(value) && value.length === 4 && value.every((item) => uint.check(item)),
};

const subscribe: Fields = {
  request: required(uint),
  source: optional(name),
  session: optional(name),
  from: optional(uint),
  epoch: optional(name),
  wait: optional(bool),
  follow: optional(bool),
};

const sessionSummary: Fields = {
  source: required(name),
  session: required(name),
  log: required(uint),
  epoch: required(name),
  upstreamEpoch: optional(name),
  state: required(sessionState),
  firstSeq: required(uint),
  lastSeq: required(uint),
  createdMs: required(uint),
  endedMs: optional(uint),
  reason: optional(text),
  bytes: optional(uint),
  digest: optional(text),
  lost: optional(uint),
  checkedMs: optional(uint),
  archivedMs: optional(uint),
  restoredMs: optional(uint),
  discarded: optional(bool),
  discardReason: optional(text),
  removedMs: optional(uint),
  rollsMs: optional(uint),
  next: optional(name),
};

const reason = oneOf('retention', 'corrupt', 'missing', 'expired');
const loss: Fields = { from: required(uint), to: required(uint), reason: required(reason) };

const port: FieldKind = {
  name: 'port',
  check: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535,
};
const address: Fields = { host: optional(text), port: required(port) };

const member: Fields = {
  group: required(name),
  participant: required(name),
  state: required(oneOf('online', 'away')),
  cursor: required(uint),
  lag: required(uint),
  seenMs: required(uint),
  joinedMs: required(uint),
  tdMs: required(uint),
  single: optional(bool),
  address: optional(record('address', address)),
};

const failure: Fields = { code: required(text), message: required(text), remedy: required(remedy) };

/** Fields of every control message; a field that is not listed is ignored, so that later versions can add some. */
export const schema = {
  LOGIN: {
    versions: required(list(uint, 16)),
    client: optional(name),
    source: optional(name),
    publisher: optional(name),
    durability: optional(durability),
    subscribe: optional(record('subscribe', subscribe)),
  },
  SUBSCRIBE: subscribe,
  UNSUBSCRIBE: { log: required(uint) },
  REREQUEST: {
    request: required(uint),
    source: optional(name),
    session: optional(name),
    from: required(uint),
    to: required(uint),
  },
  SESSIONS: { request: required(uint), source: optional(name), session: optional(name), discarded: optional(bool) },
  INSPECT: { request: required(uint) },
  ARCHIVE: {
    request: required(uint),
    action: required(oneOf('archive', 'restore', 'verify')),
    source: optional(name),
    session: required(name),
  },
  ROLL: {
    request: required(uint),
    source: optional(name),
    session: optional(name),
    reason: required(reasonText),
    discard: optional(bool),
  },
  GROUP: {
    request: required(uint),
    action: required(oneOf('register', 'reconnect', 'disconnect', 'deregister')),
    group: required(name),
    participant: required(name),
    instance: optional(name),
    tdMs: optional(uint),
    single: optional(bool),
    address: optional(record('address', address)),
    delivered: optional(uint),
    epoch: optional(name),
  },
  DELIVERED: { log: required(uint), seq: required(uint) },
  MEMBERS: { request: required(uint), group: optional(name) },
  DISCARD: {
    request: required(uint),
    source: optional(name),
    session: required(name),
    reason: required(reasonText),
  },
  HEARTBEAT: {},
  LOGGED_IN: {
    version: required(uint),
    server: required(text),
    source: required(name),
    durability: required(durability),
    published: required(uint),
    heartbeatMs: required(uint),
    silenceMs: required(uint),
    frameBytesMax: required(uint),
    publishWindowBytes: required(uint),
    publishesInFlightMax: required(uint),
  },
  SUBSCRIBED: {
    request: required(uint),
    log: required(uint),
    source: required(name),
    session: required(name),
    epoch: required(name),
    state: required(sessionState),
    from: required(uint),
    lastSeq: required(uint),
  },
  LIVE: { log: required(uint), seq: required(uint) },
  LOST: {
    log: optional(uint),
    request: optional(uint),
    from: required(uint),
    to: required(uint),
    reason: required(reason),
  },
  RESET: {
    request: required(uint),
    source: required(name),
    session: required(name),
    epoch: required(name),
    firstSeq: required(uint),
    lastSeq: required(uint),
  },
  END_OF_SESSION: {
    log: required(uint),
    session: required(name),
    lastSeq: required(uint),
    reason: required(text),
    discarded: optional(bool),
    discardReason: optional(text),
    next: optional(name),
  },
  SESSION_DISCARDED: { log: required(uint), session: required(name), reason: required(text) },
  UNSUBSCRIBED: { log: required(uint), code: optional(text), message: optional(text), remedy: optional(remedy) },
  ACKNOWLEDGED: {
    source: required(name),
    session: required(name),
    epoch: required(name),
    durability: required(durability),
    number: required(uint),
    runs: required(list(run, limits.blockMessagesMax)),
  },
  REFUSED: { number: required(uint), ...failure },
  RETRANSMITTED: { request: required(uint), from: required(uint), to: required(uint), messages: required(uint) },
  SESSION_LIST: {
    request: required(uint),
    sessions: required(list(record('session', sessionSummary), limits.sessionListMax)),
  },
  ROLLED: {
    request: required(uint),
    ended: optional(record('session', sessionSummary)),
    opened: required(record('session', sessionSummary)),
  },
  DISCARDED: { request: required(uint), session: required(record('session', sessionSummary)) },
  INSPECTION: { request: required(uint), state: required(map) },
  SESSION_REPORT: {
    request: required(uint),
    session: required(record('session', sessionSummary)),
    messages: required(uint),
    losses: required(list(record('loss', loss), 100)),
    file: optional(text),
    fileBytes: optional(uint),
  },
  MEMBER: {
    request: optional(uint),
    instance: optional(name),
    group: required(name),
    participant: required(name),
    state: required(oneOf('online', 'away', 'deregistered')),
    log: required(uint),
    session: required(name),
    epoch: required(name),
    from: required(uint),
    lastSeq: required(uint),
    tdMs: required(uint),
  },
  MEMBER_LIST: {
    request: required(uint),
    members: required(list(record('member', member), limits.memberListMax)),
  },
  REJECTED: { request: required(uint), ...failure },
  ERROR: failure,
} satisfies Record<string, Fields>;

/** Records that appear inside messages, for the documentation of the wire. */
export const records = { subscribe, session: sessionSummary, loss, address, member };

/** What is wrong with a message's fields, in words; `undefined` when nothing is. */
export function firstBadField(value: Record<string, unknown>, fields: Fields): string | undefined {
  for (const [fieldName, field] of Object.entries(fields)) {
    const found = value[fieldName];
    if (found === undefined || found === null) {
      if (!field.optional) return `${fieldName} is missing (expected ${field.name})`;
    } else if (!field.check(found)) {
      return `${fieldName} is not ${field.words ?? field.name}`;
    }
  }
  return undefined;
}

/** Whether a decoded value is a msgpack map. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
