import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ArchiveReader, archiveSession, checkSession, restoreSession } from '../../storage/archive/index.js';
import type { Log, Store } from '../../storage/index.js';
import { TestPublisher } from '../storage/store-under-test.js';
import { texts } from '../support/payloads.js';
import type { Action, Life } from './session-life.js';
import type { ModelArchive, ModelSession, ModelSource } from './session-model.js';

/** An action, and what no other one may touch at the same time. */
export interface Claiming extends Action {
  readonly claims: readonly string[];
}

const removedOrNot = { refusals: ['ERR_SESSION_REMOVED'], showsAtOnce: false } as const;

/** Makes actions out of what the model of a life says there is to be done. */
export class Actions {
  readonly #life: Life;
  /** What is in the directory of archives, by path. */
  readonly #archives: Map<string, ModelArchive>;

  constructor(life: Life, archives: Map<string, ModelArchive>) {
    this.#life = life;
    this.#archives = archives;
  }

  begin(source: ModelSource, name: string): Claiming {
    const { nowMs } = this.#life.world.clock;
    return {
      what: `begin ${name}`,
      claims: [source.name],
      showsAtOnce: true,
      isSynced: true,
      run: (store) => store.createSession(source.name, name),
      done: () => source.begin(name, nowMs),
      isDone: (store) => store.activeSession(source.name)?.session === name,
    };
  }

  publish(source: ModelSource, messages: readonly string[]): Claiming {
    const { messages: before } = source.active!;
    const length = before.length + messages.length;
    return {
      what: `publish ${messages.length} in ${source.name}`,
      claims: [source.name],
      showsAtOnce: true,
      run: async (store) => {
        const log = store.activeSession(source.name)!;
        const record = await store.publisher(source.name, 'p');
        const { error } = await new TestPublisher(store.committer, log, record).publish(texts(...messages));
        if (error) throw error;
      },
      done: () => before.push(...messages),
      isDone: (store) => store.activeSession(source.name)?.lastSeq === length,
    };
  }

  roll(source: ModelSource, name: string, reason: string, discardReason?: string): Claiming {
    const { nowMs } = this.#life.world.clock;
    const { active } = source;
    return {
      what: `roll ${source.name} to ${name}${discardReason === undefined ? '' : ', discarded'}`,
      claims: [source.name],
      showsAtOnce: true,
      isSynced: true,
      run: (store) => store.rollSession(store.activeSession(source.name)!, { session: name, reason, discardReason }),
      done: () => {
        active!.ended = reason;
        if (discardReason !== undefined) active!.discarded = discardReason;
        source.begin(name, nowMs);
      },
      isDone: (store) => store.activeSession(source.name)?.session === name,
    };
  }

  /** A name that there is, or was, is refused. */
  rollToTakenName(source: ModelSource, name: string): Claiming {
    return {
      what: `roll ${source.name} to ${name}, which it has had`,
      claims: [source.name, name],
      showsAtOnce: true,
      run: (store) => store.rollSession(store.activeSession(source.name)!, { session: name, reason: 'no' }),
      done: () => expect.fail(`two sessions are called ${name}`),
      isDone: () => false,
      refusals: ['ERR_SESSION_EXISTS'],
    };
  }

  discard(source: ModelSource, session: ModelSession, reason: string): Claiming {
    return {
      what: `discard ${session.name}`,
      claims: [`line of ${session.name}`],
      ...removedOrNot,
      run: (store) => store.keeping.discard(logOf(store, source, session), reason),
      done: () => {
        session.discarded ??= reason;
      },
      isDone: (store) => store.findSession(source.name, session.name)?.discardReason === reason,
    };
  }

  check(source: ModelSource, session: ModelSession): Claiming {
    return {
      what: `check ${session.name}`,
      claims: [],
      ...removedOrNot,
      run: (store) => checkSession(store, logOf(store, source, session), this.#life.work),
      done: (findings) => {
        if (!findings) return;
        const { lost, digest } = findings as { lost: number; digest: string };
        session.digest ??= digest;
        expect({ lost, digest }).toEqual({ lost: 0, digest: session.digest });
      },
      isDone: () => false,
    };
  }

  /** The file may be there although the store could not put it on record. */
  archive(source: ModelSource, session: ModelSession): Claiming {
    const path = this.#path(source, session);
    const note = async () => {
      if (!existsSync(path)) return;
      const { name, createdMs, messages, ended } = session;
      this.#archives.set(path, { source: source.name, name, createdMs, messages, ended: ended! });
      await this.#readMark(path);
    };
    return {
      what: `archive ${session.name}`,
      claims: [path, `line of ${session.name}`],
      ...removedOrNot,
      run: (store) => archiveSession(store, logOf(store, source, session), path, this.#life.work).finally(note),
      done: () => {
        if (session.discarded !== undefined) expect(this.#archives.get(path)?.discarded).toBeDefined();
      },
      isDone: () => false,
    };
  }

  remove(source: ModelSource, session: ModelSession): Claiming {
    return {
      what: `remove ${session.name}`,
      claims: [session.name],
      showsAtOnce: false,
      run: (store) => store.keeping.remove(logOf(store, source, session)),
      done: () => {
        if (!session.removed) source.remove(session);
      },
      isDone: (store) => store.findSession(source.name, session.name)?.removedMs !== undefined,
    };
  }

  /** @param others what happens at the same time may or may not be in front of it */
  restore(source: ModelSource, archive: ModelArchive, others: boolean): Claiming {
    const path = this.#path(source, archive);
    const isRemembered = source.named(archive.name) !== undefined;
    const behind = (name: string): string | undefined => {
      const next = this.#life.store.findSession(source.name, name)?.next;
      return next === undefined || source.named(next) ? next : behind(next);
    };
    return {
      what: `restore ${archive.name}${isRemembered ? '' : ', which is not known'}`,
      claims: [archive.name, path, ...(isRemembered || others ? [] : [source.name])],
      showsAtOnce: true,
      isSynced: true,
      isRestore: true,
      run: async (store) => {
        await this.#readMark(path);
        await restoreSession(store, path, this.#life.work);
      },
      done: () => source.restore(archive, others ? behind(archive.name) : undefined),
      isDone: (store) => {
        const found = store.findSession(source.name, archive.name);
        return found !== undefined && found.removedMs === undefined;
      },
    };
  }

  /** Work in the background that nobody sees anything of. */
  unseen(what: string, run: (store: Store) => Promise<unknown>): Claiming {
    return { what, claims: [what], showsAtOnce: false, run, done: () => {}, isDone: () => false };
  }

  /** Archives of what a source of that name does not have. */
  restorable(source: ModelSource): ModelArchive[] {
    return [...this.#archives.values()].filter(
      (archive) => archive.source === source.name && (source.named(archive.name)?.removed ?? true),
    );
  }

  /** Whether it is one of a discarded session, the file says: a crash may have come behind the writing of it. */
  async #readMark(path: string): Promise<void> {
    const reader = await ArchiveReader.open(path);
    await reader.close();
    const { discarded, discardReason } = reader.index;
    if (discarded) this.#archives.get(path)!.discarded = discardReason!;
  }

  #path(source: ModelSource, { name }: { name: string }): string {
    return join(this.#life.world.directory, `${source.name}-${name}`);
  }
}

function logOf(store: Store, source: ModelSource, session: ModelSession): Log {
  return store.log(store.findSession(source.name, session.name)!.log)!;
}
