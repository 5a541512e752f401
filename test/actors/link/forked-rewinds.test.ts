import { describe, expect, it } from 'vitest';
import { ForkedRewinds } from '../../../actors/link/forked-rewinds.js';
import type { Link } from '../../../actors/link/link.js';
import type { RewindReceiver } from '../../../actors/rewinds.js';
import { type Page, stretchOf } from '../../../storage/index.js';
import { turn } from '../../support/deadline.js';
import { blockOf } from '../support.js';

/** The link to a fork; it keeps what is sent. */
class TestLink {
  readonly sent: unknown[] = [];
  readonly link = this as unknown as Link;

  notify(topic: string, fields: object): void {
    this.sent.push([topic, fields]);
  }
}

class Receiver implements RewindReceiver {
  readonly pages: Page[] = [];
  readonly failures: string[] = [];

  page(page: Page): void {
    this.pages.push(page);
  }

  failed(error: Error): void {
    this.failures.push(error.message);
  }
}

function connected() {
  const rewinds = new ForkedRewinds();
  const fork = new TestLink();
  rewinds.connected(fork.link);
  return { rewinds, fork };
}

describe('rewinds in a fork', () => {
  it('wait for a fork that is gone before their turn has come, as for one that never was', async () => {
    const rewinds = new ForkedRewinds();
    const opening = rewinds.open(7, new Receiver());
    const short = new TestLink();
    rewinds.connected(short.link);
    rewinds.disconnected(short.link, new Error('killed as it came'));
    await turn();
    expect(short.sent).toEqual([]);
    const next = new TestLink();
    rewinds.connected(next.link);
    await opening;
    expect(next.sent).toEqual([['open', { rewind: 1, log: 7 }]]);
  });

  it('are opened, asked and closed over its link, and deliver to their own receiver', async () => {
    const { rewinds, fork } = connected();
    const [one, other] = [new Receiver(), new Receiver()];
    const open = await rewinds.open(7, one);
    await rewinds.open(8, other);
    open.read(5);
    rewinds.notice({ topic: 'page', fields: { rewind: 1, next: 7 }, blocks: [blockOf(5, 2)] });
    open.close();
    expect(fork.sent).toEqual([
      ['open', { rewind: 1, log: 7 }],
      ['open', { rewind: 2, log: 8 }],
      ['read', { rewind: 1, from: 5 }],
      ['close', { rewind: 1 }],
    ]);
    expect([one.pages, other.pages]).toEqual([[{ stretches: [stretchOf(blockOf(5, 2))], next: 7 }], []]);
    expect(rewinds.size).toBe(1);
  });

  it('deliver nothing after they were closed', async () => {
    const { rewinds } = connected();
    const receiver = new Receiver();
    (await rewinds.open(7, receiver)).close();
    rewinds.notice({ topic: 'page', fields: { rewind: 1, next: 7 }, blocks: [] });
    rewinds.notice({ topic: 'failed', fields: { rewind: 1, message: 'late' }, blocks: [] });
    expect([receiver.pages, receiver.failures]).toEqual([[], []]);
  });

  it('fail with the message of the fork', async () => {
    const { rewinds } = connected();
    const receiver = new Receiver();
    await rewinds.open(7, receiver);
    rewinds.notice({ topic: 'failed', fields: { rewind: 1, message: 'no disk' }, blocks: [] });
    expect(receiver.failures).toEqual(['no disk']);
  });

  it('all fail when the fork goes; those opened meanwhile wait for the next one', async () => {
    const { rewinds, fork } = connected();
    const receivers = [new Receiver(), new Receiver()];
    for (const receiver of receivers) await rewinds.open(7, receiver);
    rewinds.disconnected(fork.link, new Error('data socket closed'));
    expect(receivers.map(({ failures }) => failures)).toEqual([['data socket closed'], ['data socket closed']]);
    const opening = receivers.map((receiver) => rewinds.open(7, receiver));
    const next = new TestLink();
    rewinds.connected(next.link);
    await Promise.all(opening);
    expect(next.sent).toEqual([
      ['open', { rewind: 3, log: 7 }],
      ['open', { rewind: 4, log: 7 }],
    ]);
    expect(receivers.map(({ failures }) => failures)).toEqual([['data socket closed'], ['data socket closed']]);
  });
});
