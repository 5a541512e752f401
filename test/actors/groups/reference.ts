/** A participant as the reference sees it. */
interface ReferenceMember {
  /** What was sent to it and it has neither taken nor lost, oldest first. */
  mailbox: { seq: number; timeMs: number }[];
  tdMs: number;
  isOnline: boolean;
  /** Last known to be there, as the coordinator knows it, and as it would know it after a crash. */
  seenMs: number;
  recordedSeenMs: number;
}

/**
 * What the participants of a group are to receive, said another way than by the product: every message is laid into the
 * mailbox of every participant there is; what is too old is thrown out when its owner comes back too late. There are
 * no cursors, no numbers to start from, and nothing is ever deleted for want of claims.
 */
export class Reference {
  readonly #tdMs: number;
  readonly #members = new Map<string, ReferenceMember>();
  readonly received = new Map<string, number[]>();
  readonly expired = new Map<string, number[]>();
  #lastSeq = 0;

  constructor(tdMs: number) {
    this.#tdMs = tdMs;
  }

  state(participant: string): 'unknown' | 'online' | 'away' {
    const member = this.#members.get(participant);
    if (!member) return 'unknown';
    return member.isOnline ? 'online' : 'away';
  }

  register(participant: string, tdMs: number, nowMs: number): void {
    const bound = Math.min(tdMs, this.#tdMs);
    const seen = { seenMs: nowMs, recordedSeenMs: nowMs };
    this.#members.set(participant, { mailbox: [], tdMs: bound, isOnline: true, ...seen });
  }

  deregister(participant: string): void {
    this.#members.delete(participant);
  }

  disconnect(participant: string, nowMs: number): void {
    Object.assign(this.#member(participant), { isOnline: false, seenMs: nowMs, recordedSeenMs: nowMs });
  }

  broke(participant: string, sinceMs: number): void {
    Object.assign(this.#member(participant), { isOnline: false, seenMs: sinceMs });
  }

  reconnect(participant: string, nowMs: number): void {
    const member = this.#member(participant);
    if (nowMs - member.seenMs > member.tdMs) {
      const old = member.mailbox.filter(({ timeMs }) => timeMs < nowMs - member.tdMs);
      note(this.expired, participant, ...old.map(({ seq }) => seq));
      member.mailbox = member.mailbox.filter(({ timeMs }) => timeMs >= nowMs - member.tdMs);
    }
    Object.assign(member, { isOnline: true, seenMs: nowMs, recordedSeenMs: nowMs });
  }

  send(timeMs: number): void {
    this.#lastSeq += 1;
    for (const { mailbox } of this.#members.values()) mailbox.push({ seq: this.#lastSeq, timeMs });
  }

  take(participant: string, count: number): void {
    const taken = this.#member(participant).mailbox.splice(0, count);
    note(this.received, participant, ...taken.map(({ seq }) => seq));
  }

  /** The coordinator puts on record whom it sees. */
  recorded(nowMs: number): void {
    for (const member of this.#members.values()) {
      if (member.isOnline) member.seenMs = nowMs;
      member.recordedSeenMs = member.seenMs;
    }
  }

  crash(): void {
    for (const member of this.#members.values()) {
      Object.assign(member, { isOnline: false, seenMs: member.recordedSeenMs });
    }
  }

  #member(participant: string): ReferenceMember {
    return this.#members.get(participant)!;
  }
}

function note(lists: Map<string, number[]>, participant: string, ...seqs: number[]): void {
  const list = lists.get(participant) ?? [];
  lists.set(participant, list);
  list.push(...seqs);
}
