import { type MemberSummary, ProtocolError } from '../../protocol/index.js';
import type { MemberRow } from '../../storage/index.js';
import { acknowledged, away, given, type MemberWishes, nextOf, online } from './member-state.js';

/** What bounds a group. */
export interface MembershipLimits {
  group: string;
  /** How long a participant may be away without losing anything, in milliseconds; its own bound counts where it is less. */
  tdMs: number;
  membersMax: number;
}

/** What a participant that comes back has a claim to: everything from `fromSeq` on that was sent at `sinceMs` or later. */
export interface Claim {
  fromSeq: number;
  /** Absent: whenever it was sent. */
  sinceMs?: number;
}

/**
 * Who the participants of a group are, whether they are there, and what they have a claim to. It is synchronous and
 * knows of no socket, storage or clock: those who call it give the time, which never goes backwards, and write what it
 * returns. Every refusal is a `ProtocolError`.
 */
export class Membership {
  readonly #limits: MembershipLimits;
  /** In the order of their registration. */
  readonly #rows = new Map<string, MemberRow>();
  /** Participants of whom more is known than is on record. */
  readonly #unsaved = new Set<string>();

  /**
   * @param rows what is on record; who was there then has been away since it was last seen
   * @param lastSeq last number of the log; a cursor beyond it is of messages that a crash has taken
   */
  constructor(limits: MembershipLimits, rows: readonly MemberRow[], lastSeq: number) {
    this.#limits = limits;
    for (const row of rows) this.restore(row, lastSeq);
  }

  /** Participants there are. */
  get size(): number {
    return this.#rows.size;
  }

  /** What is known of a participant. */
  find(participant: string): MemberRow | undefined {
    return this.#rows.get(participant);
  }

  /** Take in a participant as it is on record: nobody is connected as it. */
  restore(row: MemberRow, lastSeq: number): void {
    this.#rows.set(row.participant, away(row, row.seenMs, Math.min(row.cursor, lastSeq)));
  }

  /** Forget a participant. */
  remove(participant: string): void {
    this.#rows.delete(participant);
    this.#unsaved.delete(participant);
  }

  /** The time bound that counts for a participant. */
  tdOf({ tdMs = Number.POSITIVE_INFINITY }: MemberRow): number {
    return Math.min(tdMs, this.#limits.tdMs);
  }

  /**
   * A new participant, from behind the last message on.
   * @throws ProtocolError `ERR_ID_IN_USE`, `ERR_TOO_MANY_MEMBERS`
   */
  register(participant: string, wishes: MemberWishes, lastSeq: number, nowMs: number): MemberRow {
    const { group, membersMax } = this.#limits;
    if (this.#rows.has(participant)) {
      const message = `participant ${participant} is registered in group ${group} already: reconnect, or take another id`;
      throw new ProtocolError('ERR_ID_IN_USE', message);
    }
    if (this.#rows.size >= membersMax) {
      const message = `group ${group} has ${this.#rows.size} members, limit ${membersMax}`;
      throw new ProtocolError('ERR_TOO_MANY_MEMBERS', message);
    }
    const row = { participant, cursor: lastSeq, joinedMs: nowMs, seenMs: nowMs, isAway: false, ...given(wishes) };
    this.#rows.set(participant, row);
    return row;
  }

  /**
   * What a participant that is away has a claim to at this moment.
   * @throws ProtocolError `ERR_NOT_REGISTERED`, `ERR_ALREADY_CONNECTED`
   */
  claim(participant: string, nowMs: number): Claim {
    const row = this.#registered(participant);
    if (!row.isAway) {
      const message = `participant ${participant} of group ${this.#limits.group} is connected: disconnect it first`;
      throw new ProtocolError('ERR_ALREADY_CONNECTED', message);
    }
    return this.#claimOf(row, nowMs);
  }

  /** A participant is back; what lies in front of `fromSeq` it will never get. */
  connect(participant: string, wishes: MemberWishes, fromSeq: number, nowMs: number): MemberRow {
    const row = online(this.#rows.get(participant)!, wishes, fromSeq, nowMs);
    this.#rows.set(participant, row);
    return row;
  }

  /**
   * A participant as it will be on record when it has left; nothing has changed yet, so that it keeps its claims until
   * that is written. Follow with {@link left}.
   * @throws ProtocolError `ERR_NOT_REGISTERED`, `ERR_NOT_CONNECTED`
   */
  leaving(participant: string, nowMs: number): MemberRow {
    return away(this.connected(participant), nowMs);
  }

  /** A participant is away since then: it has left, or its connection has broken. */
  left(participant: string, sinceMs: number): void {
    const row = this.#rows.get(participant);
    if (!row || row.isAway) return;
    this.#rows.set(participant, away(row, sinceMs));
    this.#unsaved.add(participant);
  }

  /**
   * A participant that may send.
   * @throws ProtocolError `ERR_NOT_REGISTERED`, `ERR_NOT_CONNECTED`
   */
  connected(participant: string): MemberRow {
    const row = this.#registered(participant);
    if (!row.isAway) return row;
    const message = `participant ${participant} of group ${this.#limits.group} is not connected: reconnect first`;
    throw new ProtocolError('ERR_NOT_CONNECTED', message);
  }

  /**
   * A participant that is about to be removed; it keeps its claims until {@link remove}.
   * @throws ProtocolError `ERR_NOT_REGISTERED`
   */
  deregistering(participant: string): MemberRow {
    return this.#registered(participant);
  }

  /** A participant has everything up to `seq`, or knows that it is lost. */
  delivered(participant: string, seq: number): void {
    const row = this.#rows.get(participant);
    if (!row || seq < nextOf(row)) return;
    this.#rows.set(participant, acknowledged(row, seq));
    this.#unsaved.add(participant);
  }

  /** Who is connected and has not acknowledged a message in front of `seq`. */
  *behind(seq: number): Generator<string> {
    for (const { participant, isAway, cursor } of this.#rows.values())
      if (!isAway && cursor + 1 < seq) yield participant;
  }

  /** All who are connected are there at this moment. @param everyMs who was put on record as seen that lately is left out */
  seen(nowMs: number, everyMs: number): void {
    for (const row of this.#rows.values()) {
      if (row.isAway || nowMs - row.seenMs < everyMs) continue;
      this.#rows.set(row.participant, { ...row, seenMs: nowMs });
      this.#unsaved.add(row.participant);
    }
  }

  /**
   * What is to be put on record; if that fails, give it back with {@link unsaved}.
   * @param isSettled whether nobody else is about to write something of a participant
   */
  takeUnsaved(isSettled: (participant: string) => boolean): MemberRow[] {
    const settled = [...this.#unsaved].filter(isSettled);
    for (const participant of settled) this.#unsaved.delete(participant);
    return settled.map((participant) => this.#rows.get(participant)!);
  }

  /** These could not be put on record. */
  unsaved(rows: readonly MemberRow[]): void {
    for (const { participant } of rows) if (this.#rows.has(participant)) this.#unsaved.add(participant);
  }

  /**
   * What all participants together have a claim to, now or later: messages from `fromSeq` on, and those sent at `sinceMs` or
   * later. With neither, nobody has a claim to anything. Claims only get less as time goes on.
   */
  claimed(nowMs: number): { fromSeq?: number; sinceMs?: number } {
    let fromSeq = Number.POSITIVE_INFINITY;
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const row of this.#rows.values()) {
      const claim = row.isAway ? this.#claimOf(row, nowMs) : { fromSeq: row.cursor + 1 };
      if (claim.sinceMs === undefined) fromSeq = Math.min(fromSeq, claim.fromSeq);
      else sinceMs = Math.min(sinceMs, claim.sinceMs);
    }
    return { ...(Number.isFinite(fromSeq) && { fromSeq }), ...(Number.isFinite(sinceMs) && { sinceMs }) };
  }

  /** The participants for people, in the order of their registration. */
  *summaries(lastSeq: number): Generator<MemberSummary> {
    for (const row of this.#rows.values()) {
      const { participant, isAway, cursor, seenMs, joinedMs, single, address } = row;
      yield {
        group: this.#limits.group,
        participant,
        state: isAway ? 'away' : 'online',
        cursor,
        lag: Math.max(0, lastSeq - cursor),
        seenMs,
        joinedMs,
        tdMs: this.tdOf(row),
        ...(single && { single }),
        ...(address && { address }),
      };
    }
  }

  #claimOf(row: MemberRow, nowMs: number): Claim {
    const tdMs = this.tdOf(row);
    const fromSeq = row.cursor + 1;
    return nowMs - row.seenMs <= tdMs ? { fromSeq } : { fromSeq, sinceMs: nowMs - tdMs };
  }

  #registered(participant: string): MemberRow {
    const row = this.#rows.get(participant);
    if (row) return row;
    const message = `participant ${participant} is not registered in group ${this.#limits.group}: register first`;
    throw new ProtocolError('ERR_NOT_REGISTERED', message);
  }
}
