import { Membership } from '../../../actors/groups/membership.js';
import { steadyClock } from '../../../actors/groups/steady-clock.js';
import type { MemberRow } from '../../../storage/index.js';

/** A program that takes part: it knows how far it is, whatever becomes of its connection. */
interface Program {
  position: number;
  /** The number its connection brings next; unset while there is none. */
  next: number | undefined;
  /** Taken and not acknowledged. */
  unacknowledged: boolean;
  received: number[];
  expired: number[];
}

/**
 * A {@link Membership} with what it needs around it, as small as can be: a log that is an array of times, and rows that
 * survive a crash.
 */
export class Coordinator {
  readonly programs = new Map<string, Program>();
  readonly #tdMs: number;
  readonly #clock: () => number;
  /** Time of each message, from number 1 on. */
  readonly #times: number[] = [];
  readonly #record = new Map<string, MemberRow>();
  #firstSeq = 1;
  #trimmedMs = 0;
  #membership!: Membership;
  #now!: () => number;

  constructor(tdMs: number, clock: () => number) {
    this.#tdMs = tdMs;
    this.#clock = clock;
    this.start();
  }

  get nowMs(): number {
    return this.#now();
  }

  /** How many messages are still kept. */
  get kept(): number {
    return this.#times.length - this.#firstSeq + 1;
  }

  /** As after a crash: what is not on record is gone, and so is every connection. */
  start(): void {
    const rows = [...this.#record.values()];
    const times = [this.#times.at(-1) ?? 0, this.#trimmedMs, ...rows.map(({ seenMs }) => seenMs)];
    this.#now = steadyClock(this.#clock, Math.max(...times));
    this.#membership = new Membership({ group: 'g', tdMs: this.#tdMs, membersMax: 10 }, rows, this.#times.length);
    for (const program of this.programs.values()) program.next = undefined;
  }

  register(participant: string, tdMs: number): void {
    const row = this.#membership.register(participant, { tdMs }, this.#times.length, this.#now());
    this.#record.set(participant, row);
    const { received = [], expired = [] } = this.programs.get(participant) ?? {};
    const position = row.cursor;
    this.programs.set(participant, { position, next: position + 1, unacknowledged: false, received, expired });
  }

  reconnect(participant: string): void {
    const nowMs = this.#now();
    const program = this.programs.get(participant)!;
    this.#membership.claim(participant, nowMs);
    this.#membership.delivered(participant, program.position);
    const { fromSeq, sinceMs } = this.#membership.claim(participant, nowMs);
    const next = sinceMs === undefined ? fromSeq : Math.max(fromSeq, this.#firstSince(sinceMs));
    this.#record.set(participant, this.#membership.connect(participant, {}, next, nowMs));
    for (let seq = fromSeq; seq < next; seq += 1) program.expired.push(seq);
    Object.assign(program, { next, position: Math.max(program.position, next - 1) });
  }

  disconnect(participant: string): void {
    const nowMs = this.#now();
    this.#record.set(participant, this.#membership.leaving(participant, nowMs));
    this.#membership.left(participant, nowMs);
    this.programs.get(participant)!.next = undefined;
  }

  deregister(participant: string): void {
    this.#membership.deregistering(participant);
    this.#record.delete(participant);
    this.#membership.remove(participant);
    this.programs.get(participant)!.next = undefined;
  }

  connected(participant: string): MemberRow {
    return this.#membership.connected(participant);
  }

  broke(participant: string): void {
    this.#membership.left(participant, this.#now());
    this.programs.get(participant)!.next = undefined;
  }

  send(): number {
    const timeMs = this.#now();
    this.#times.push(timeMs);
    return timeMs;
  }

  /** A program takes what its connection brings: up to so many messages. */
  take(participant: string, count: number): void {
    const program = this.programs.get(participant)!;
    for (let taken = 0; taken < count && program.next! <= this.#times.length; taken += 1) {
      if (program.next! < this.#firstSeq) throw new Error(`message ${program.next} was trimmed, and is claimed`);
      program.received.push(program.next!);
      program.position = program.next!;
      program.next! += 1;
    }
  }

  acknowledge(participant: string): void {
    this.#membership.delivered(participant, this.programs.get(participant)!.position);
  }

  /** What the coordinator does about once a second. */
  upkeep(): void {
    const nowMs = this.#now();
    const { fromSeq = Number.POSITIVE_INFINITY, sinceMs } = this.#membership.claimed(nowMs);
    const since = sinceMs === undefined ? Number.POSITIVE_INFINITY : this.#firstSince(sinceMs);
    this.#membership.seen(nowMs, 0);
    for (const row of this.#membership.takeUnsaved(() => true)) this.#record.set(row.participant, row);
    const firstSeq = Math.min(fromSeq, since, this.#times.length + 1);
    if (firstSeq <= this.#firstSeq) return;
    this.#firstSeq = firstSeq;
    this.#trimmedMs = nowMs;
  }

  #firstSince(timeMs: number): number {
    const index = this.#times.findIndex((time) => time >= timeMs);
    return index === -1 ? this.#times.length + 1 : index + 1;
  }
}
