import type { Durability, MemberSummary, Publish, Rolled, SessionReport, SessionSummary } from '../protocol/index.js';
import { type Page, Ring } from '../storage/index.js';
import type { ArchiveRequest } from './archiver.js';
import type { MemberAnswer, MemberCommand, MemberOwner } from './groups/member-stream.js';
import type { PublisherOwner } from './publisher.js';
import type { Ref } from './runtime/index.js';
import type { ClosedSessions } from './server-config.js';
import type { RollRequest } from './session-roller.js';
import type { SubscriptionListProtocol } from './subscription-list.js';
import type { SessionEnd } from './subscription-machine.js';

/** The live stream of a log (SessionStream), as a follower joins it. */
export interface Followed {
  ring: Ring;
  /** Last number committed at that moment; the list is told of every later one. */
  head: number;
  /** Set when the session has ended. */
  end?: SessionEnd;
}

/** An ended session, as one who never joins it (a SessionPull) sees it: all of it is in the log, none of it in a ring. */
export function endedLog(session: SessionSummary): Followed {
  const { lastSeq } = session;
  return { ring: new Ring(0, lastSeq + 1), head: lastSeq, end: sessionEnd(session) };
}

/** How a session that has ended did. */
export function sessionEnd({ lastSeq, reason = '', discarded, discardReason, next }: SessionSummary): SessionEnd {
  const mark = discarded && { discarded, ...(discardReason !== undefined && { discardReason }) };
  return { lastSeq, reason, ...mark, ...(next !== undefined && { next }) };
}

/** A publisher's login. */
export interface PublisherLogin {
  source: string;
  publisher: string;
  /** What the publisher asks for; the server's own level where that is stronger. */
  durability: Durability;
}

/** A publisher that is logged in. */
export interface OpenPublisher {
  /** Last number on record; 0 when there is none. */
  published: number;
  publish(publish: Publish): void;
  close(): void;
}

/** What a session holds is not to be used. */
export interface DiscardRequest {
  source: string;
  session: string;
  reason: string;
}

/** Which sessions are asked for. */
export interface SessionsRequest {
  /** Absent: all sources. */
  source?: string | undefined;
  /** Only the one that {@link Origin.findSession} finds in that source. */
  session?: string | undefined;
  /** Else only those whose contents are not to be used, also if they were removed and are remembered. */
  discarded?: boolean | undefined;
}

/** What does not change while a server runs. */
export interface OriginFacts {
  readonly durability: Durability;
  readonly sources: readonly string[];
  /** Those of the sources that are groups. */
  readonly groups: readonly string[];
  /** What becomes of requests for sessions that have ended. */
  readonly closedSessions: ClosedSessions;
}

/**
 * The process that has the log, as seen by an edge: itself when all runs in one process, the far end of the data socket
 * when the edge is a fork. It is the seam between those who serve connections and those who number and keep messages.
 *
 * Every method rejects with `ProtocolError` for what a client asked wrongly.
 */
export interface Origin extends OriginFacts {
  /** The session of that name (or of that alias, `S01`), the newest one when it is blank (the active one, if there is one), with its last number at this moment. */
  findSession(source: string, session: string): Promise<SessionSummary>;
  /** The catalogue, or a part of it, newest last. */
  sessions(request?: SessionsRequest): Promise<SessionSummary[]>;
  /** Tell `list` of every commit of this log from now on. */
  follow(log: number, list: Ref<SubscriptionListProtocol>): Promise<Followed>;
  unfollow(log: number, list: Ref<SubscriptionListProtocol>): void;
  /** The page of the log that starts at `from`, read back from storage. */
  read(log: number, from: number, to: number): Promise<Page>;
  openPublisher(login: PublisherLogin, owner: PublisherOwner): Promise<OpenPublisher>;
  /** Do what a participant of a group wants; `owner` is where its messages go, unless it is to be reached elsewhere. */
  group(command: MemberCommand, owner: MemberOwner): Promise<MemberAnswer>;
  /** The participants of one group, or of all. */
  members(group?: string): Promise<MemberSummary[]>;
  /** End a session and start the one behind it. */
  roll(request: RollRequest): Promise<Rolled>;
  /** Mark a session that has ended as not to be used; its subscribers are told. One that is marked already stays as it is. */
  discard(request: DiscardRequest): Promise<SessionSummary>;
  /** Archive, restore or verify a session; it may take hours. */
  archive(request: ArchiveRequest): Promise<SessionReport>;
  /** The live state of the whole server, for `inspect`. */
  inspect(): Promise<Record<string, unknown>>;
}

/** The {@link Origin} in the process that has the log, for those who serve the others. */
export interface MainOrigin extends Origin {
  /** The session of a log, also one that was removed; `undefined` when it is not known any more. */
  sessionOfLog(log: number): SessionSummary | undefined;
}
