import { describe, expect, it } from 'vitest';
import type { GroupAction } from '../../../protocol/index.js';
import { type Fault, FaultDisk } from '../../storage/fault-level.js';
import { Participant } from '../../support/participant.js';
import { membersOf } from './members.js';
import { type GroupServer, serverWithGroup } from './server.js';

const actions: GroupAction[] = ['register', 'disconnect', 'reconnect', 'deregister'];

/** What has to be done before a command can be granted. */
const before: Record<GroupAction, GroupAction[]> = {
  register: [],
  disconnect: ['register'],
  reconnect: ['register', 'disconnect'],
  deregister: ['register'],
};

/** What a participant is behind a command. */
const after: Record<GroupAction, string[]> = {
  register: ['online'],
  disconnect: ['away'],
  reconnect: ['online'],
  deregister: [],
};

/** A clock that stands still: nothing is put on record but what a command says. */
const clock = (): number => 1_000_000;

async function start(disk: FaultDisk, data?: string): Promise<GroupServer> {
  const store = { openLevel: disk.openLevel, backoffMs: () => 0, freeBytes: async () => 2 ** 40 };
  return serverWithGroup({ clock, store, ...(data !== undefined && { data }) });
}

describe.each(actions)('%s', (action) => {
  it.each<Fault>(['no-space', 'fsync-lost'])(
    'is refused when its write fails, changes nothing, and is granted when it is said again: %s',
    async (fault) => {
      const disk = new FaultDisk();
      const server = await start(disk);
      const ada = new Participant(server.port, 'ada');
      for (const earlier of before[action]) await ada.does(earlier);
      const stateBefore = (await membersOf(server)).map(({ state }) => state);
      disk.failAt(disk.commits, fault);
      expect(await ada.command(action)).toMatchObject({ code: 'ERR_NOT_WRITTEN', remedy: 'retry' });
      expect((await membersOf(server)).map(({ state }) => state)).toEqual(stateBefore);
      await server.store.ready();
      await ada.does(action);
      expect((await membersOf(server)).map(({ state }) => state)).toEqual(after[action]);
      await server.stop();
      const again = await start(disk, server.data);
      expect(await membersOf(again)).toHaveLength(after[action].length);
    },
  );

  it('is granted when its write is found in spite of the failure', async () => {
    const disk = new FaultDisk();
    const server = await start(disk);
    const ada = new Participant(server.port, 'ada');
    for (const earlier of before[action]) await ada.does(earlier);
    disk.failAt(disk.commits, 'fsync-kept');
    await ada.does(action);
    expect((await membersOf(server)).map(({ state }) => state)).toEqual(after[action]);
  });
});
