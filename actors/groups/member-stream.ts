import type { ErrorCode, GroupCommand, ServerMessage, SessionSummary } from '../../protocol/index.js';

/** A participant's command, and the address of the connection it came over. */
export interface MemberCommand extends GroupCommand {
  from: string;
}

/** Why the server ended the stream of a participant that is to be told. */
export interface StreamFailure {
  code: ErrorCode;
  message: string;
}

/** The connection over which a participant is reached. */
export interface MemberOwner {
  /** The participant has left, or is reached over another connection: it is sent nothing more here. */
  left(why?: StreamFailure): void;
}

/** A participant's stream as its connection sees it. */
export interface OpenMember {
  /** The participant has everything up to `seq`, which was sent to it. */
  delivered(seq: number): void;
  /**
   * The connection is gone, or can deliver nothing more.
   * @param silentMs how long before that it was heard for the last time, if it was given up for its silence; else 0
   */
  close(silentMs: number): void;
}

/** What a participant that is online is to be sent. */
export interface MemberStream {
  /** Of the group's log. */
  session: SessionSummary;
  /** First number to be announced as expired; `next` when nothing is. */
  from: number;
  /** First number to be delivered. */
  next: number;
  single: boolean;
  open: OpenMember;
}

/** The MEMBER a command is answered with. */
export type MemberFacts = Omit<Extract<ServerMessage, { type: 'MEMBER' }>, 'type' | 'request'>;

/** What a command has done. */
export interface MemberAnswer {
  member: MemberFacts;
  /** To be delivered over the connection the command came over. */
  stream?: MemberStream;
}
