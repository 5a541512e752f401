/** A session as it is to be. */
export interface ModelSession {
  readonly name: string;
  readonly createdMs: number;
  readonly messages: string[];
  /** Why it ended; `undefined` while it is the active one. */
  ended?: string;
  /** Why it is not to be used. */
  discarded?: string;
  removed: boolean;
  /** What its messages hash to, from when that was said first. */
  digest?: string;
  /** So many of its messages outlast a power failure. */
  safe: number;
}

/** What an archive is to hold. */
export type ModelArchive = Pick<ModelSession, 'name' | 'createdMs' | 'messages' | 'ended' | 'discarded'> & {
  source: string;
};

/** The sessions of one source as they are to be: a list, and nothing else. */
export class ModelSource {
  readonly name: string;
  /** Those that are remembered, in their order. */
  readonly sessions: ModelSession[] = [];
  /** Names of those that are not remembered. */
  readonly forgotten = new Set<string>();
  /** Those that are removed, longest ago first. */
  #removed: ModelSession[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get active(): ModelSession | undefined {
    return this.sessions.find(({ ended }) => ended === undefined);
  }

  get kept(): ModelSession[] {
    return this.sessions.filter(({ removed }) => !removed);
  }

  /** Those that are removed and remembered. */
  get removed(): readonly ModelSession[] {
    return this.#removed;
  }

  named(name: string): ModelSession | undefined {
    return this.sessions.find((session) => session.name === name);
  }

  /** The name of the one behind it. */
  behind(session: ModelSession): string | undefined {
    return this.sessions[this.sessions.indexOf(session) + 1]?.name;
  }

  begin(name: string, createdMs: number): void {
    this.sessions.push({ name, createdMs, messages: [], removed: false, safe: 0 });
  }

  remove(session: ModelSession): void {
    session.removed = true;
    this.#removed.push(session);
  }

  /** Of those that are removed, the one removed longest ago is forgotten. */
  forget(): void {
    const session = this.#removed.shift()!;
    this.sessions.splice(this.sessions.indexOf(session), 1);
    this.forgotten.add(session.name);
  }

  /**
   * It comes back where it was, and is not to be used if it was not; where that is not known, in front of the first one that began later, or is active.
   * @param inFrontOf the name of that one, when it is known otherwise
   */
  restore({ name, createdMs, messages, ended, ...archive }: ModelArchive, inFrontOf?: string): void {
    const known = this.named(name);
    const discarded = archive.discarded ?? known?.discarded;
    const restored = { name, createdMs, messages, removed: false, safe: messages.length };
    const session: ModelSession = { ...restored, ended: ended!, ...(discarded !== undefined && { discarded }) };
    this.forgotten.delete(name);
    this.#removed = this.#removed.filter((one) => one !== known);
    if (known) {
      this.sessions.splice(this.sessions.indexOf(known), 1, session);
      return;
    }
    const place = this.sessions.findIndex((other) =>
      inFrontOf === undefined ? other.ended === undefined || isLater(other, session) : other.name === inFrontOf,
    );
    this.sessions.splice(place === -1 ? this.sessions.length : place, 0, session);
  }
}

function isLater(one: ModelSession, other: ModelSession): boolean {
  return one.createdMs > other.createdMs || (one.createdMs === other.createdMs && one.name > other.name);
}
