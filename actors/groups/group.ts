import { type MemberSummary, ProtocolError } from '../../protocol/index.js';
import { type Log, type MemberRow, memberDeletion, type Store } from '../../storage/index.js';
import { Actor, type Behaviour } from '../runtime/index.js';
import type { DialBack, DialedMember } from './dial-back.js';
import type { GroupConfig } from './group-config.js';
import { KeyedTurns } from './keyed-turns.js';
import { MemberRecord } from './member-record.js';
import { type MemberWishes, nextOf } from './member-state.js';
import type { MemberAnswer, MemberCommand, MemberFacts, MemberOwner, MemberStream } from './member-stream.js';
import { MemberStreams } from './member-streams.js';
import type { Membership } from './membership.js';
import { storageRefusal } from './storage-refusal.js';

/** What a Group understands. */
export type GroupProtocol = {
  /** Do what a participant wants; answered when that is durable. */
  command: [{ command: MemberCommand; owner: MemberOwner }, MemberAnswer];
  members: [Record<string, never>, MemberSummary[]];
  /** Nothing more is accepted; who is there is away from now on, and all of it is on record when this resolves. */
  close: [Record<string, never>, void];
};

/** What a Group is made of. */
export interface GroupParameters {
  config: GroupConfig;
  store: Store;
  /** Of its one session. */
  log: Log;
  membership: Membership;
  /** Milliseconds since 1970, never backwards: the same as that of the log. */
  now: () => number;
  /** By which participants are reached that listen at a port. */
  dialBack: () => DialBack;
  /** Run something once, after so many milliseconds. @returns cancels it */
  schedule: (ms: number, run: () => void) => () => void;
}

/** Pause between two looks at what nobody has a claim to any more, and at what is not on record. */
const upkeepMs = 1_000;

/**
 * A group of participants: whose commands are decided by its {@link Membership}, put on record, and answered; whose
 * streams are ordinary subscriptions to its log, made where their connections are. What nobody has a claim to is trimmed.
 */
export default class GroupActor extends Actor<GroupParameters, GroupProtocol> implements Behaviour<GroupProtocol> {
  /** The commands of one participant are done one after the other. */
  readonly #turns = new KeyedTurns('the commands of a participant');
  #streams!: MemberStreams;
  #record!: MemberRecord;
  #closed = false;
  #cancel: (() => void) | undefined;
  #stopWatching: (() => void) | undefined;

  override onStart(): void {
    const { membership, log, now, store, config } = this.parameters;
    this.#streams = new MemberStreams(membership, log, now, () => this.#record.saveSoon());
    this.#record = new MemberRecord({
      store,
      log,
      lagMs: config.lagMs,
      membership,
      streams: this.#streams,
      now,
      inTurn: (participant, job) => this.#turns.run(participant, job),
      isBusy: (participant) => this.#turns.has(participant),
      logger: this.logger,
    });
    this.#stopWatching = store.onReopened(() => this.#record.reopened());
    this.#sleep();
  }

  override onStop(): void {
    this.#closed = true;
    this.#cancel?.();
    this.#stopWatching?.();
  }

  async command({ command, owner }: GroupProtocol['command'][0]): Promise<MemberAnswer> {
    try {
      return await this.#turns.run(command.participant, () => this.#perform(command, owner));
    } catch (error) {
      throw storageRefusal(error);
    }
  }

  members(): MemberSummary[] {
    const { membership, log } = this.parameters;
    return [...membership.summaries(log.lastSeq)];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#streams.breakAll();
    await this.#record.close();
  }

  #perform(command: MemberCommand, owner: MemberOwner): Promise<MemberAnswer> {
    const { store, config } = this.parameters;
    if (command.participant === '') throw new ProtocolError('ERR_BAD_MESSAGE', 'GROUP: participant is blank');
    if (this.#closed) throw new ProtocolError('ERR_SHUTTING_DOWN', `group ${config.name} is being closed; reconnect`);
    const unavailable = store.unavailable();
    if (unavailable?.code === 'ERR_STORAGE_UNAVAILABLE') throw unavailable;
    switch (command.action) {
      case 'register':
        return this.#isInstance(command) ? this.#reconnect(command, owner) : this.#register(command, owner);
      case 'reconnect':
        return this.#reconnect(command, owner);
      case 'disconnect':
        return this.#disconnect(command.participant);
      case 'deregister':
        return this.#deregister(command.participant);
    }
  }

  /** It has a claim to what is sent from now on, and gives it up again when it cannot be reached or put on record. */
  async #register(command: MemberCommand, owner: MemberOwner): Promise<MemberAnswer> {
    const { membership, log, now } = this.parameters;
    const { participant } = command;
    membership.register(participant, wishesOf(command), log.lastSeq, now());
    try {
      const dialed = await this.#dial(command);
      return await this.#connect(command, dialed, owner);
    } catch (error) {
      membership.remove(participant);
      throw error;
    }
  }

  async #reconnect(command: MemberCommand, owner: MemberOwner): Promise<MemberAnswer> {
    const { membership, store, log, now } = this.parameters;
    const { participant } = command;
    if (this.#isInstance(command)) this.#streams.takeOver(participant);
    membership.claim(participant, now());
    this.#takePosition(command);
    const dialed = await this.#dial(command);
    const known = membership.find(participant)!;
    try {
      return await this.#record.claiming(async () => {
        const { fromSeq, sinceMs } = membership.claim(participant, now());
        const next = sinceMs === undefined ? fromSeq : await store.groups.firstSince(log, fromSeq, sinceMs);
        return await this.#connect(command, dialed, owner, next);
      });
    } catch (error) {
      dialed?.destroy();
      membership.restore(known, log.lastSeq);
      throw error;
    }
  }

  /**
   * The participant is online when that is on record; then its stream begins.
   * @param next first number it has a claim to, when that is not the one behind its cursor
   */
  async #connect(
    command: MemberCommand,
    dialed: DialedMember | undefined,
    owner: MemberOwner,
    next = 0,
  ): Promise<MemberAnswer> {
    const { membership, store, now } = this.parameters;
    const { participant } = command;
    const from = nextOf(membership.find(participant)!);
    const wishes = { ...wishesOf(command), address: dialed?.address };
    const row = membership.connect(participant, wishes, next, now());
    try {
      await this.#record.write(participant, this.#record.rowWrite(row));
    } catch (error) {
      dialed?.destroy();
      throw error;
    }
    const member = this.#facts(row, 'online', from);
    const stream: MemberStream = {
      session: store.summary(this.parameters.log),
      from,
      next: row.cursor + 1,
      single: row.single ?? false,
      open: this.#streams.open(participant, dialed ?? owner),
    };
    if (!dialed) return { member, stream };
    dialed.start(member, stream);
    return { member };
  }

  async #disconnect(participant: string): Promise<MemberAnswer> {
    const { membership, now } = this.parameters;
    const row = membership.leaving(participant, now());
    await this.#record.write(participant, this.#record.rowWrite(row));
    membership.left(participant, row.seenMs);
    this.#streams.end(participant);
    return { member: this.#facts(row, 'away', nextOf(row)) };
  }

  async #deregister(participant: string): Promise<MemberAnswer> {
    const { membership, log } = this.parameters;
    const row = membership.deregistering(participant);
    await this.#record.write(participant, memberDeletion(log.source, participant));
    membership.remove(participant);
    this.#streams.end(participant);
    return { member: this.#facts(row, 'deregistered', nextOf(row)) };
  }

  /** The participant may know better than the coordinator how far it is. */
  #takePosition({ participant, delivered, epoch }: MemberCommand): void {
    const { membership, log } = this.parameters;
    if (delivered === undefined || epoch !== log.epoch) return;
    if (delivered > log.lastSeq) {
      const message = `participant ${participant} has everything up to ${delivered}; the last message is ${log.lastSeq}`;
      throw new ProtocolError('ERR_BEYOND_NEXT', message);
    }
    membership.delivered(participant, delivered);
  }

  /** Whether the command comes from the run of the program that has connected last. */
  #isInstance({ participant, instance }: MemberCommand): boolean {
    return instance !== undefined && this.parameters.membership.find(participant)?.instance === instance;
  }

  async #dial(command: MemberCommand): Promise<DialedMember | undefined> {
    const { dialBack, config } = this.parameters;
    return command.address && dialBack().dial(command, config.dialBack);
  }

  #facts(row: MemberRow, state: MemberFacts['state'], from: number): MemberFacts {
    const { membership, log } = this.parameters;
    const { source, number, session, epoch, lastSeq } = log;
    const tdMs = membership.tdOf(row);
    return { group: source, participant: row.participant, state, log: number, session, epoch, from, lastSeq, tdMs };
  }

  #sleep(): void {
    this.#cancel = this.parameters.schedule(upkeepMs, () => {
      void this.#record.upkeep().then(() => {
        if (!this.#closed) this.#sleep();
      });
    });
  }
}

function wishesOf({ tdMs, single, instance }: MemberCommand): MemberWishes {
  return { tdMs, single, instance };
}
