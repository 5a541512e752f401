import { type MemberSummary, ProtocolError } from '../../protocol/index.js';
import type { Log, Store } from '../../storage/index.js';
import { runLater } from '../run-later.js';
import type { Ref, Spawner } from '../runtime/index.js';
import type { DialBack } from './dial-back.js';
import GroupActor, { type GroupProtocol } from './group.js';
import type { GroupConfig } from './group-config.js';
import type { MemberAnswer, MemberCommand, MemberOwner } from './member-stream.js';
import { Membership } from './membership.js';
import { steadyClock } from './steady-clock.js';

/** What {@link Groups} work with. */
export interface GroupsOptions {
  configs: readonly GroupConfig[];
  store: Store;
  spawner: Spawner;
  /** Milliseconds since 1970. */
  clock: () => number;
}

/** What the Session of a group needs of it. */
export interface GroupSource {
  /** The time of its messages: milliseconds since 1970, never backwards. */
  clock: () => number;
  /** Why this publisher, who is a participant, may not send now; `undefined` when it may. */
  refusal(participant: string): ProtocolError | undefined;
}

/** A command waits for the disk, and for a participant to answer. */
const commandMs = 60_000;
const answerMs = 5_000;
const drainMs = 2_500;
/** Participants listed in one inspection, of all groups together. */
const linesMax = 1_000;

interface OpenGroup {
  config: GroupConfig;
  log: Log;
  actor: Ref<GroupProtocol>;
}

/** The groups of a server, each with its Group actor. */
export class Groups {
  readonly names: readonly string[];
  readonly #options: GroupsOptions;
  readonly #groups = new Map<string, OpenGroup>();
  #dialBack: DialBack | undefined;

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.names = options.configs.map(({ name }) => name);
  }

  /** How participants are reached that listen at a port. */
  reachBy(dialBack: DialBack): void {
    this.#dialBack = dialBack;
  }

  /** The group whose source has this log goes on with its members; `undefined` when the source is no group. */
  async open(log: Log): Promise<GroupSource | undefined> {
    const { configs, store, spawner, clock } = this.#options;
    const config = configs.find(({ name }) => name === log.source);
    if (!config) return undefined;
    const rows = await store.groups.members(config.name);
    const now = steadyClock(clock, Math.max(log.timeMs, ...rows.map(({ seenMs }) => seenMs)));
    const { name: group, tdMs, membersMax } = config;
    const membership = new Membership({ group, tdMs, membersMax }, rows, log.lastSeq);
    const dialBack = () => this.#dialBack!;
    const parameters = { config, store, log, membership, now, dialBack, schedule: runLater };
    const actor = await spawner.spawn({ actor: GroupActor }, { name: `Group ${group}`, parameters });
    this.#groups.set(group, { config, log, actor });
    return { clock: now, refusal: (participant) => refusal(membership, participant) };
  }

  /** @throws ProtocolError `ERR_UNKNOWN_GROUP`, and whatever the command is refused with */
  command(command: MemberCommand, owner: MemberOwner): Promise<MemberAnswer> {
    const { actor } = this.#find(command.group);
    return actor.ask('command', { command, owner }, { timeoutMs: commandMs });
  }

  /** @throws ProtocolError `ERR_UNKNOWN_GROUP` */
  async members(group?: string): Promise<MemberSummary[]> {
    const groups = group === undefined ? [...this.#groups.values()] : [this.#find(group)];
    const members = await Promise.all(groups.map(({ actor }) => actor.ask('members', {}, { timeoutMs: answerMs })));
    return members.flat();
  }

  /** Participants are told to come back; everything that is known of them is on record when this resolves. */
  async drain(): Promise<void> {
    this.#dialBack?.drain();
    const groups = [...this.#groups.values()];
    await Promise.allSettled(groups.map(({ actor }) => actor.ask('close', {}, { timeoutMs: drainMs })));
  }

  /** Cut the connections to participants. */
  close(): void {
    this.#dialBack?.close();
  }

  /** State of all groups, for `inspect`. */
  async inspect(): Promise<Record<string, unknown>[]> {
    let lines = linesMax;
    const states: Record<string, unknown>[] = [];
    for (const { config, log } of this.#groups.values()) {
      const members = await this.members(config.name);
      const shown = members.slice(0, lines);
      lines -= shown.length;
      states.push({
        group: config.name,
        tdMs: config.tdMs,
        log: log.number,
        firstSeq: log.firstSeq,
        lastSeq: log.lastSeq,
        members: shown.map(({ group: _, address, ...member }) => ({
          ...member,
          ...(address && { address: `${address.host} ${address.port}` }),
        })),
        memberCount: members.length,
      });
    }
    return states;
  }

  #find(name: string): OpenGroup {
    const group = this.#groups.get(name);
    if (group) return group;
    const known = this.names.length === 0 ? 'this server has none' : `this server has ${this.names.join(', ')}`;
    throw new ProtocolError('ERR_UNKNOWN_GROUP', `no group ${name}; ${known}`);
  }
}

function refusal(membership: Membership, participant: string): ProtocolError | undefined {
  try {
    membership.connected(participant);
    return undefined;
  } catch (error) {
    return error as ProtocolError;
  }
}
