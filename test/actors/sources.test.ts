import { describe, expect, it } from 'vitest';
import { Discards, type DiscardsParts } from '../../actors/discards.js';
import type { Spawner } from '../../actors/runtime/index.js';
import { Sources, type SourcesOptions } from '../../actors/sources.js';
import type { SessionSummary } from '../../protocol/index.js';
import { StorageError } from '../../storage/index.js';
import { silent } from './support.js';

it('a relayed source goes on with its first session when that turns out to be written after all', async () => {
  const log = { source: 'main', session: 'S1', number: 1 };
  let active: typeof log | undefined;
  let created = 0;
  const store = {
    ready: async () => {},
    activeSession: () => active,
    findSession: () => active,
    createSession: async () => {
      created += 1;
      throw new StorageError('ERR_OUTCOME_UNKNOWN', 'nobody can tell');
    },
  };
  const spawned: unknown[] = [];
  const session = { name: 'the Session' };
  const spawner = {
    spawn: async (_definition: unknown, { parameters }: { parameters: { log: unknown } }) => {
      spawned.push(parameters.log);
      return session;
    },
  } as unknown as Spawner;
  const config = { sources: ['main'], inputs: [{ kind: 'relay', name: 'up', source: 'main', host: '', port: 1 }] };
  const groups = { names: [], open: async () => undefined };
  const options = { store, config, spawner, groups, logger: silent } as unknown as SourcesOptions;
  const fed = new Sources(options).fed('main');
  await expect(fed.openSession('S1', 'e1')).rejects.toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
  expect(fed.session()).toBeUndefined();
  active = log;
  await fed.openSession('S1', 'e1');
  await fed.openSession('S1', 'e1');
  expect([created, spawned, fed.session()]).toEqual([1, [log], session]);
});

describe('what is discarded at the server a source is relayed from', () => {
  const own = { source: 'main', session: 'S1', log: 1, state: 'ended', upstreamEpoch: 'e1', digest: 'd1' };

  /** @returns what becomes of a discard when the session here is as it is said */
  async function discarded(changes: object, upstream: { epoch: string; digest?: string }, kind = 'relay') {
    const done: string[] = [];
    const store = { findSession: () => ({ ...own, ...changes }) };
    const discards = {
      mark: async (_: object, reason: string) => done.push(`marked: ${reason}`),
      announce: (_: object, reason: string) => done.push(`announced: ${reason}`),
    };
    const config = { sources: ['main'], inputs: [{ kind, name: 'up', source: 'main' }] };
    const options = { store, config, discards, groups: { names: [] }, logger: silent } as unknown as SourcesOptions;
    await new Sources(options).fed('main').discard({ session: 'S1', ...upstream }, 'nonsense');
    return done;
  }

  it.each([
    ['of the epoch that was relayed is marked', {}, { epoch: 'e1' }, ['marked: nonsense']],
    ['of another epoch with the same contents is marked', {}, { epoch: 'e2', digest: 'd1' }, ['marked: nonsense']],
    ['of another epoch with other contents is not', {}, { epoch: 'e2', digest: 'd2' }, []],
    ['of another epoch with unknown contents is not', { digest: undefined }, { epoch: 'e2' }, []],
    ['that is marked already stays as it is', { discarded: true }, { epoch: 'e1' }, []],
    ['that is active here is announced, for its end', { state: 'active' }, { epoch: 'e1' }, ['announced: nonsense']],
  ])('%s', async (_, changes, upstream, done) => {
    expect(await discarded(changes, upstream)).toEqual(done);
  });

  it('that is active here and comes from no relay is not announced, for nothing would mark it at its end', async () => {
    expect(await discarded({ state: 'active' }, { epoch: 'e1' }, 'module')).toEqual(['marked: nonsense']);
    const discards = new Discards({ store: {} as DiscardsParts['store'], tell: () => {} });
    const active = { ...own, state: 'active' } as unknown as SessionSummary;
    await expect(discards.mark(active, 'nonsense')).rejects.toMatchObject({ code: 'ERR_SESSION_ACTIVE' });
  });
});
