import { expect, it } from 'vitest';
import type { Spawner } from '../../actors/runtime/index.js';
import { Sources, type SourcesOptions } from '../../actors/sources.js';
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
  await expect(fed.openSession('S1')).rejects.toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
  expect(fed.session()).toBeUndefined();
  active = log;
  await fed.openSession('S1');
  await fed.openSession('S1');
  expect([created, spawned, fed.session()]).toEqual([1, [log], session]);
});
