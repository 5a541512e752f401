import { expect, it } from 'vitest';
import type { StreamFailure } from '../../../actors/groups/member-stream.js';
import { MemberStreams } from '../../../actors/groups/member-streams.js';
import { Membership } from '../../../actors/groups/membership.js';
import { emptyLog } from '../support.js';

/** `ada`, online since 0, and the streams of her group at 100 s. */
function ada() {
  const membership = new Membership({ group: 'g', tdMs: 1_000, membersMax: 9 }, [], 0);
  membership.register('ada', {}, 0, 0);
  const log = emptyLog();
  log.skipTo(8);
  let breaks = 0;
  const streams = new MemberStreams(
    membership,
    log,
    () => 100_000,
    () => {
      breaks += 1;
    },
  );
  const told: (StreamFailure | undefined)[] = [];
  const open = () => streams.open('ada', { left: (why) => told.push(why) });
  return { membership, streams, told, open, breaks: () => breaks, row: () => membership.find('ada') };
}

it('one whose connection broke is away since then, one that fell silent since it was heard', () => {
  const [broken, silent] = [ada(), ada()];
  broken.open().close(0);
  silent.open().close(15_000);
  expect([broken.row(), silent.row()]).toMatchObject([
    { isAway: true, seenMs: 100_000 },
    { isAway: true, seenMs: 85_000 },
  ]);
  expect([broken.breaks(), silent.breaks()]).toEqual([1, 1]);
});

it('what crosses the end of a stream is acknowledged, until another stream is there', () => {
  const { streams, open, row, told } = ada();
  const first = open();
  streams.end('ada');
  streams.end('ada');
  expect(told).toEqual([undefined]);
  first.delivered(3);
  expect(row()).toMatchObject({ cursor: 3 });
  const second = open();
  first.delivered(5);
  first.close(0);
  expect(row()).toMatchObject({ cursor: 3, isAway: false });
  second.delivered(99);
  expect(row()).toMatchObject({ cursor: 7 });
});

it('the connection that was there is told when the participant has connected again, and is away no second time', () => {
  const { streams, open, row, told, breaks } = ada();
  const first = open();
  streams.takeOver('ada');
  expect(told).toMatchObject([{ code: 'ERR_ALREADY_CONNECTED' }]);
  expect(row()).toMatchObject({ isAway: true, seenMs: 100_000 });
  first.close(50_000);
  expect(row()).toMatchObject({ seenMs: 100_000 });
  expect(breaks()).toBe(0);
});

it('when the coordinator stops, whoever is there is away from then on', () => {
  const { streams, open, row } = ada();
  const stream = open();
  streams.breakAll();
  stream.close(50_000);
  expect(row()).toMatchObject({ isAway: true, seenMs: 100_000 });
});
