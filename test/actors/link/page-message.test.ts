import { expect, it } from 'vitest';
import { pageMessage, pageOf } from '../../../actors/link/page-message.js';
import { stretchOf } from '../../../storage/index.js';
import { blockOf } from '../support.js';

it('a page over a link starts with the block that holds the number asked for', () => {
  const blocks = [blockOf(1, 3), blockOf(4, 2), blockOf(6, 4)];
  const stretches = [{ bytes: Buffer.concat(blocks), firstSeq: 1, lastSeq: 9 }, stretchOf(blockOf(10, 1))];
  const lost = { from: 11, to: 12, reason: 'missing' as const };
  const page = pageOf(pageMessage({ stretches, lost, next: 13 }, 5));
  expect(page).toEqual({ stretches: [...blocks.slice(1), blockOf(10, 1)].map(stretchOf), lost, next: 13 });
});
