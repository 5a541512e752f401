import { expect, it } from 'vitest';
import { Store } from '../../storage/index.js';
import { storeOptions, TestPublisher } from '../storage/store-under-test.js';
import { UnreadableLevel } from '../storage/unreadable-level.js';
import { texts } from '../support/payloads.js';

it('starts although the tail of a log that has ended cannot be read, and knows where it ended', async () => {
  const level = new UnreadableLevel();
  const options = storeOptions('/tmp', { openLevel: level.openLevel, diskReserveBytes: 0 });
  const first = await Store.open(options);
  const ended = await first.createSession('main', 'S1');
  await new TestPublisher(first.committer, ended).publish(texts('a', 'b', 'c'));
  await first.rollSession(ended, { session: 'S2', reason: 'enough' });
  await first.close();

  level.log = ended.number;
  const second = await Store.open(options);
  expect(second.sessions().map(({ session, lastSeq }) => [session, lastSeq])).toEqual([
    ['S1', 3],
    ['S2', 0],
  ]);
  expect(await second.read(ended.number, 1, 3)).toMatchObject({
    stretches: [],
    lost: { from: 1, to: 3, reason: 'corrupt' },
  });
  await second.close();
});
