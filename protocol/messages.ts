import type { ErrorCode, Remedy } from './errors.js';

/** When an acknowledged message is safe: `disk` – fsync returned; `os` – written to the operating system. */
export type Durability = 'disk' | 'os';

/** Why messages of a range can no longer be delivered. */
export type LossReason = 'retention' | 'corrupt' | 'missing' | 'expired';

/** What a subscription asks for; the body of SUBSCRIBE, and of LOGIN's `subscribe`. */
export interface SubscribeBody {
  /** The client's number for this request; the answer carries it. */
  request: number;
  /** Absent: the source of the login. */
  source?: string;
  /** Absent or blank: the active session. */
  session?: string;
  /** First sequence number wanted: n ≥ 1 starts there, 0 is the newest message, absent is live only. */
  from?: number;
  /** The epoch `from` was learnt in; another one on the server is answered with RESET. */
  epoch?: string;
  /** When `from` is beyond the next number: wait for it instead of being rejected. */
  wait?: boolean;
  /** When the session ends, go on with the one behind it, from 1. */
  follow?: boolean;
}

/** What a client sends, PUBLISH aside (its body is positional: see `publish.ts`). */
export type ClientMessage =
  | {
      type: 'LOGIN';
      /** Protocol versions the client speaks. */
      versions: number[];
      /** A name for the log and for `inspect`. */
      client?: string;
      /** The source all requests of this connection mean unless they name another; absent: the server's first. */
      source?: string;
      /** Identity under which publishes are numbered; needed to publish. */
      publisher?: string;
      /** Raises the server's durability for this publisher's publishes; it never lowers it. */
      durability?: Durability;
      subscribe?: SubscribeBody;
    }
  | ({ type: 'SUBSCRIBE' } & SubscribeBody)
  | { type: 'UNSUBSCRIBE'; log: number }
  | { type: 'REREQUEST'; request: number; source?: string; session?: string; from: number; to: number }
  | {
      type: 'SESSIONS';
      request: number;
      source?: string;
      session?: string;
      /** Only those whose contents are not to be used; those that were removed and are remembered are among them. */
      discarded?: boolean;
    }
  | { type: 'INSPECT'; request: number }
  | { type: 'ARCHIVE'; request: number; action: ArchiveAction; source?: string; session: string }
  | {
      type: 'ROLL';
      request: number;
      source?: string;
      /** The session to end; when it has ended already nothing is done. Absent: the active one. */
      session?: string;
      reason: string;
      /** What the session holds is not to be used. */
      discard?: boolean;
    }
  | ({ type: 'GROUP'; request: number } & GroupCommand)
  | {
      type: 'DELIVERED';
      log: number;
      /** The participant has everything up to here. */
      seq: number;
    }
  | {
      type: 'MEMBERS';
      request: number;
      /** Absent: those of all groups. */
      group?: string;
    }
  /** What a session that has ended holds is not to be used. */
  | { type: 'DISCARD'; request: number; source?: string; session: string; reason: string }
  | { type: 'HEARTBEAT' };

/** What a participant of a group wants to be. */
export type GroupAction = 'register' | 'reconnect' | 'disconnect' | 'deregister';

/** Where a participant listens. */
export interface DialAddress {
  /** Absent: the address the command came from. */
  host?: string;
  port: number;
}

/** A command of a participant; `tdMs`, `single`, `address`, `delivered` and `epoch` are for `register` and `reconnect`. */
export interface GroupCommand {
  action: GroupAction;
  group: string;
  participant: string;
  /** Names a run of the participant's program: the same one may take its own place, another one may not. */
  instance?: string;
  /** Time bound of this participant, in milliseconds; it counts when it is less than the group's. */
  tdMs?: number;
  /** One message in each MESSAGES frame. */
  single?: boolean;
  /** The server connects to this address and sends the messages there; absent: they come over this connection. */
  address?: DialAddress;
  /** With `reconnect`: the participant has everything up to here, whatever it has acknowledged. */
  delivered?: number;
  /** The epoch `delivered` was learnt in. */
  epoch?: string;
}

/** A participant of a group, as it is known to the server. */
export interface MemberSummary {
  group: string;
  participant: string;
  state: 'online' | 'away';
  /** Last number it has acknowledged, or is not entitled to any more. */
  cursor: number;
  /** Messages of the log behind the cursor. */
  lag: number;
  /** Milliseconds since 1970 at which it was last known to be there. */
  seenMs: number;
  /** Milliseconds since 1970 at which it was registered. */
  joinedMs: number;
  /** The time bound that counts for it. */
  tdMs: number;
  single?: boolean;
  /** Where the server reaches it; absent when it is away, or connected by itself. */
  address?: DialAddress;
}

/**
 * What is to be done with a session: `archive` – write it to a file in the server's archive directory; `restore` – bring
 * it back from there; `verify` – read all of it from disk.
 */
export type ArchiveAction = 'archive' | 'restore' | 'verify';

/** A line of the session catalogue. */
export interface SessionSummary {
  source: string;
  session: string;
  /** The session's number on this server; MESSAGES frames carry it. */
  log: number;
  epoch: string;
  /** Of a relayed session: the epoch it has on the server it is relayed from. */
  upstreamEpoch?: string;
  state: 'active' | 'ended';
  /** First number that is still kept. */
  firstSeq: number;
  /** Last durable number; `firstSeq - 1` while there is none. */
  lastSeq: number;
  /** Milliseconds since 1970 of the session's start. */
  createdMs: number;
  /** Milliseconds since 1970 of its end; absent while it is active. */
  endedMs?: number;
  /** Why it ended. */
  reason?: string;
  /** Bytes of its blocks, once all of it was read after its end. */
  bytes?: number;
  /** SHA-256 over its payloads as they are encoded, back to back; in hexadecimal, once all of it was read and whole. */
  digest?: string;
  /** Messages of it that could not be read. */
  lost?: number;
  /** Milliseconds since 1970 at which all of it was read last. */
  checkedMs?: number;
  /** Milliseconds since 1970 at which it was archived. */
  archivedMs?: number;
  /** Milliseconds since 1970 at which it was restored from an archive. */
  restoredMs?: number;
  /** Whether what it holds is not to be used; it is served like any other. */
  discarded?: boolean;
  /** Why. */
  discardReason?: string;
  /**
   * Milliseconds since 1970 at which it was removed: nothing of it is kept. Such a session is not in the catalogue, unless
   * it is asked for, or those that are discarded.
   */
  removedMs?: number;
  /** Milliseconds since 1970 at which it is to be rolled by the clock. */
  rollsMs?: number;
  /** Name of the session behind it; absent for the newest one. */
  next?: string;
}

/** What a roll has done. */
export interface Rolled {
  /** The session that ended; absent when none was active. */
  ended?: SessionSummary;
  /** The session behind it. */
  opened: SessionSummary;
}

/** Messages that cannot be had: [from..to], both included. */
export interface LostRange {
  from: number;
  to: number;
  reason: LossReason;
}

/** What was done with a session, and what was found of it. */
export interface SessionReport {
  session: SessionSummary;
  /** Messages that could be read, all of which are in the archive. */
  messages: number;
  /** Where the others are: the first hundred ranges. */
  losses: LostRange[];
  /** The archive's path on the server. */
  file?: string;
  /** Its size. */
  fileBytes?: number;
}

/**
 * A run of acknowledged publishes: `publishes` publishes numbered from `firstNumber`, of `messagesEach` messages each,
 * whose messages hold consecutive sequence numbers from `firstSeq`.
 */
export type ReceiptRun = [firstNumber: number, publishes: number, firstSeq: number, messagesEach: number];

/** What a server sends, MESSAGES and RETRANSMISSION aside (they are blocks: see `block.ts`). */
export type ServerMessage =
  | {
      type: 'LOGGED_IN';
      version: number;
      /** Name and version of the server. */
      server: string;
      source: string;
      durability: Durability;
      /** The last publish number on record for the publisher of the login; 0 when there is none. */
      published: number;
      heartbeatMs: number;
      silenceMs: number;
      frameBytesMax: number;
      publishWindowBytes: number;
      publishesInFlightMax: number;
    }
  | {
      type: 'SUBSCRIBED';
      request: number;
      log: number;
      source: string;
      session: string;
      epoch: string;
      state: 'active' | 'ended';
      /** The number the first delivery will start with, or the first of the LOST range that precedes it. */
      from: number;
      /** The last durable number at this moment. */
      lastSeq: number;
    }
  | { type: 'LIVE'; log: number; seq: number }
  | { type: 'LOST'; log?: number; request?: number; from: number; to: number; reason: LossReason }
  | {
      type: 'RESET';
      request: number;
      source: string;
      session: string;
      epoch: string;
      firstSeq: number;
      lastSeq: number;
    }
  | {
      type: 'END_OF_SESSION';
      log: number;
      session: string;
      lastSeq: number;
      reason: string;
      discarded?: boolean;
      discardReason?: string;
      /** Name of the session behind it, when there is one. */
      next?: string;
    }
  /** What the session of a subscription holds is not to be used; the subscription goes on. */
  | { type: 'SESSION_DISCARDED'; log: number; session: string; reason: string }
  /** With a code when the server ended the subscription because it could not go on; subscribe again at the next number. */
  | { type: 'UNSUBSCRIBED'; log: number; code?: ErrorCode; message?: string; remedy?: Remedy }
  | {
      type: 'ACKNOWLEDGED';
      source: string;
      session: string;
      epoch: string;
      durability: Durability;
      /** Cumulative: every publish up to this number is durable. */
      number: number;
      runs: ReceiptRun[];
    }
  | { type: 'REFUSED'; number: number; code: ErrorCode; message: string; remedy: Remedy }
  | { type: 'RETRANSMITTED'; request: number; from: number; to: number; messages: number }
  | { type: 'SESSION_LIST'; request: number; sessions: SessionSummary[] }
  | ({ type: 'ROLLED'; request: number } & Rolled)
  | {
      type: 'MEMBER';
      /** Of the GROUP; absent on a connection the server has made. */
      request?: number;
      /** On a connection the server has made: that of the GROUP, which nobody else knows. */
      instance?: string;
      group: string;
      participant: string;
      state: 'online' | 'away' | 'deregistered';
      log: number;
      session: string;
      epoch: string;
      /** Online: the number the first delivery will start with, or the first of the LOST range that precedes it. */
      from: number;
      /** The last durable number at this moment. */
      lastSeq: number;
      /** The time bound that counts for it. */
      tdMs: number;
    }
  | { type: 'MEMBER_LIST'; request: number; members: MemberSummary[] }
  | { type: 'DISCARDED'; request: number; session: SessionSummary }
  | { type: 'INSPECTION'; request: number; state: Record<string, unknown> }
  | ({ type: 'SESSION_REPORT'; request: number } & SessionReport)
  | { type: 'REJECTED'; request: number; code: ErrorCode; message: string; remedy: Remedy }
  | { type: 'ERROR'; code: ErrorCode; message: string; remedy: Remedy }
  | { type: 'HEARTBEAT' };
