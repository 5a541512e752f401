import fc from 'fast-check';
import { type ClientMessage, errorCodes, limits, type ServerMessage } from '../../protocol/index.js';

/** Any number the wire carries, with the edges of every msgpack width. */
export const uint = fc.oneof(
  fc.nat({ max: 300 }),
  fc.constantFrom(0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);

/** Any name: at most `limits.nameBytesMax` bytes of UTF-8. */
export const name = fc
  .string({ unit: 'binary', maxLength: limits.nameBytesMax })
  .filter((text) => Buffer.byteLength(text) <= limits.nameBytesMax);

/** Any text, now and then a long one. */
export const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary', minLength: 200, maxLength: 400 }),
);

/** Payloads of all header widths, as a publisher would give them. */
export const payloads = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 250, maxLength: 260 })),
  {
    minLength: 1,
    maxLength: 20,
  },
);

const durability = fc.constantFrom('disk' as const, 'os' as const);
const state = fc.constantFrom('active' as const, 'ended' as const);
const code = fc.constantFrom(...(Object.keys(errorCodes) as (keyof typeof errorCodes)[]));
const remedy = fc.constantFrom('never' as const, 'retry' as const, 'reconnect' as const);

const subscribe = fc.record(
  { request: uint, source: name, session: name, from: uint, epoch: name, wait: fc.boolean(), follow: fc.boolean() },
  { requiredKeys: ['request'] },
);

const session = fc.record(
  {
    source: name,
    session: name,
    log: uint,
    epoch: name,
    state,
    firstSeq: uint,
    lastSeq: uint,
    createdMs: uint,
    endedMs: uint,
    reason: text,
    bytes: uint,
    digest: text,
    lost: uint,
    checkedMs: uint,
    archivedMs: uint,
    restoredMs: uint,
    upstreamEpoch: name,
    discarded: fc.boolean(),
    discardReason: text,
    removedMs: uint,
    rollsMs: uint,
    next: name,
  },
  { requiredKeys: ['source', 'session', 'log', 'epoch', 'state', 'firstSeq', 'lastSeq', 'createdMs'] },
);

const address = fc.record({ host: text, port: fc.integer({ min: 1, max: 65_535 }) }, { requiredKeys: ['port'] });

const member = fc.record(
  {
    group: name,
    participant: name,
    state: fc.constantFrom('online' as const, 'away' as const),
    cursor: uint,
    lag: uint,
    seenMs: uint,
    joinedMs: uint,
    tdMs: uint,
    single: fc.boolean(),
    address,
  },
  { requiredKeys: ['group', 'participant', 'state', 'cursor', 'lag', 'seenMs', 'joinedMs', 'tdMs'] },
);

const is = <T extends string>(type: T) => fc.constant(type);

/** Every control message a client can send. */
export const clientMessage = fc.oneof(
  fc.record(
    {
      type: is('LOGIN'),
      versions: fc.array(uint, { maxLength: 16 }),
      client: name,
      source: name,
      publisher: name,
      durability,
      subscribe,
    },
    { requiredKeys: ['type', 'versions'] },
  ),
  subscribe.map((body) => ({ type: 'SUBSCRIBE' as const, ...body })),
  fc.record({ type: is('UNSUBSCRIBE'), log: uint }),
  fc.record(
    { type: is('REREQUEST'), request: uint, source: name, session: name, from: uint, to: uint },
    { requiredKeys: ['type', 'request', 'from', 'to'] },
  ),
  fc.record(
    { type: is('SESSIONS'), request: uint, source: name, session: name, discarded: fc.boolean() },
    { requiredKeys: ['type', 'request'] },
  ),
  fc.record({ type: is('INSPECT'), request: uint }),
  fc.record(
    {
      type: is('ARCHIVE'),
      request: uint,
      action: fc.constantFrom('archive', 'restore', 'verify'),
      source: name,
      session: name,
    },
    { requiredKeys: ['type', 'request', 'action', 'session'] },
  ),
  fc.record(
    {
      type: is('ROLL'),
      request: uint,
      source: name,
      session: name,
      reason: fc.string({ minLength: 1, maxLength: 100 }).filter((reason) => reason.trim() !== ''),
      discard: fc.boolean(),
    },
    { requiredKeys: ['type', 'request', 'reason'] },
  ),
  fc.record(
    {
      type: is('GROUP'),
      request: uint,
      action: fc.constantFrom('register', 'reconnect', 'disconnect', 'deregister'),
      group: name,
      participant: name,
      instance: name,
      tdMs: uint,
      single: fc.boolean(),
      address,
      delivered: uint,
      epoch: name,
    },
    { requiredKeys: ['type', 'request', 'action', 'group', 'participant'] },
  ),
  fc.record({ type: is('DELIVERED'), log: uint, seq: uint }),
  fc.record({ type: is('MEMBERS'), request: uint, group: name }, { requiredKeys: ['type', 'request'] }),
  fc.record(
    { type: is('DISCARD'), request: uint, source: name, session: name, reason: is('nonsense') },
    { requiredKeys: ['type', 'request', 'session', 'reason'] },
  ),
  fc.record({ type: is('HEARTBEAT') }),
) as fc.Arbitrary<ClientMessage>;

/** msgpackr renames `__proto__` on purpose, so that no frame can reach a prototype: codec.test.ts sees to that. */
const key = name.filter((text) => text !== '__proto__');

/** Every control message a server can send. */
export const serverMessage = fc.oneof(
  fc.record({
    type: is('LOGGED_IN'),
    version: uint,
    server: text,
    source: name,
    durability,
    published: uint,
    heartbeatMs: uint,
    silenceMs: uint,
    frameBytesMax: uint,
    publishWindowBytes: uint,
    publishesInFlightMax: uint,
  }),
  fc.record({
    type: is('SUBSCRIBED'),
    request: uint,
    log: uint,
    source: name,
    session: name,
    epoch: name,
    state,
    from: uint,
    lastSeq: uint,
  }),
  fc.record({ type: is('LIVE'), log: uint, seq: uint }),
  fc.record(
    {
      type: is('LOST'),
      log: uint,
      request: uint,
      from: uint,
      to: uint,
      reason: fc.constantFrom('retention', 'corrupt', 'missing', 'expired'),
    },
    { requiredKeys: ['type', 'from', 'to', 'reason'] },
  ),
  fc.record({
    type: is('RESET'),
    request: uint,
    source: name,
    session: name,
    epoch: name,
    firstSeq: uint,
    lastSeq: uint,
  }),
  fc.record(
    {
      type: is('END_OF_SESSION'),
      log: uint,
      session: name,
      lastSeq: uint,
      reason: text,
      discarded: fc.boolean(),
      discardReason: text,
      next: name,
    },
    { requiredKeys: ['type', 'log', 'session', 'lastSeq', 'reason'] },
  ),
  fc.record({ type: is('SESSION_DISCARDED'), log: uint, session: name, reason: text }),
  fc.record({ type: is('UNSUBSCRIBED'), log: uint }),
  fc.record({
    type: is('ACKNOWLEDGED'),
    source: name,
    session: name,
    epoch: name,
    durability,
    number: uint,
    runs: fc.array(fc.tuple(uint, uint, uint, uint), { maxLength: 30 }),
  }),
  fc.record({ type: is('REFUSED'), number: uint, code, message: text, remedy }),
  fc.record({ type: is('RETRANSMITTED'), request: uint, from: uint, to: uint, messages: uint }),
  fc.record({ type: is('SESSION_LIST'), request: uint, sessions: fc.array(session, { maxLength: 5 }) }),
  fc.record(
    { type: is('ROLLED'), request: uint, ended: session, opened: session },
    { requiredKeys: ['type', 'request', 'opened'] },
  ),
  fc.record({ type: is('DISCARDED'), request: uint, session }),
  fc.record({ type: is('INSPECTION'), request: uint, state: fc.dictionary(key, fc.oneof(uint, text, fc.boolean())) }),
  fc.record(
    {
      type: is('SESSION_REPORT'),
      request: uint,
      session,
      messages: uint,
      losses: fc.array(fc.record({ from: uint, to: uint, reason: fc.constantFrom('corrupt', 'missing') })),
      file: text,
      fileBytes: uint,
    },
    { requiredKeys: ['type', 'request', 'session', 'messages', 'losses'] },
  ),
  fc.record(
    {
      type: is('MEMBER'),
      request: uint,
      instance: name,
      group: name,
      participant: name,
      state: fc.constantFrom('online', 'away', 'deregistered'),
      log: uint,
      session: name,
      epoch: name,
      from: uint,
      lastSeq: uint,
      tdMs: uint,
    },
    {
      requiredKeys: ['type', 'group', 'participant', 'state', 'log', 'session', 'epoch', 'from', 'lastSeq', 'tdMs'],
    },
  ),
  fc.record({ type: is('MEMBER_LIST'), request: uint, members: fc.array(member, { maxLength: 5 }) }),
  fc.record({ type: is('REJECTED'), request: uint, code, message: text, remedy }),
  fc.record({ type: is('ERROR'), code, message: text, remedy }),
  fc.record({ type: is('HEARTBEAT') }),
) as fc.Arbitrary<ServerMessage>;

/** A frame with the given body. */
export function frameOf(body: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeUInt32BE(body.length);
  frame.set(body, 4);
  return frame;
}
