import { describe, expect, it } from 'vitest';
import { Pace } from '../../cli/pace.js';
import { Publishing } from '../../cli/publishing.js';
import type { Acknowledgement } from '../../client/index.js';
import { limits } from '../../protocol/index.js';

/** Acknowledges what it is given when the test says so, and counts what is under way. */
class StandInClient {
  readonly groups: Uint8Array[][] = [];
  readonly #owed: (() => void)[] = [];
  #nextSeq = 1;
  #waiter: (() => void) | undefined;
  roomFor = Number.POSITIVE_INFINITY;
  refusal: Error | undefined;

  publish(payloads: Uint8Array[]): Promise<Acknowledgement> {
    this.groups.push(payloads);
    if (this.refusal) return Promise.reject(this.refusal);
    const acknowledgement = {
      session: 's1',
      epoch: 'e',
      firstSeq: this.#nextSeq,
      count: payloads.length,
      durability: 'disk' as const,
    };
    this.#nextSeq += payloads.length;
    return new Promise((resolve) => this.#owed.push(() => resolve(acknowledgement)));
  }

  get underWay(): number {
    return this.#owed.length;
  }

  async room(): Promise<void> {
    while (this.#owed.length >= this.roomFor) {
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    }
  }

  acknowledgeAll(): void {
    for (const acknowledge of this.#owed.splice(0)) acknowledge();
    this.#waiter?.();
  }
}

const never = new AbortController().signal;
const messages = (count: number, bytes = 1) => Array.from({ length: count }, () => Buffer.alloc(bytes));

describe('Publishing', () => {
  it('publishes what comes together as one group, and counts what is acknowledged', async () => {
    const client = new StandInClient();
    const publishing = new Publishing(client, undefined, never);
    await publishing.publishAll([messages(3), messages(2)]);
    expect(client.groups.map((group) => group.length)).toEqual([3, 2]);
    expect(publishing).toMatchObject({ sent: 5, acknowledged: 0 });
    client.acknowledgeAll();
    await publishing.settle();
    expect(publishing).toMatchObject({
      acknowledged: 5,
      runs: [{ session: 's1', firstSeq: 1, lastSeq: 5, durability: 'disk' }],
    });
  });

  it('never makes a group that would not fit one block, and sends a large message alone', async () => {
    const client = new StandInClient();
    const publishing = new Publishing(client, undefined, never);
    await publishing.publishAll([
      [...messages(10_000, 0), ...messages(1, limits.payloadBytesMax), ...messages(3, 30_000)],
    ]);
    expect(client.groups.map((group) => group.length)).toEqual([8192, 1808, 1, 2, 1]);
  });

  it('reads no more while the client has no room', async () => {
    const client = new StandInClient();
    client.roomFor = 2;
    let read = 0;
    const endless = (function* () {
      for (;;) {
        read += 1;
        yield messages(1);
      }
    })();
    const stop = new AbortController();
    const publishing = new Publishing(client, undefined, stop.signal);
    const done = publishing.publishAll(endless);
    await new Promise(setImmediate);
    expect({ read, underWay: client.underWay }).toEqual({ read: 2, underWay: 2 });
    stop.abort();
    client.acknowledgeAll();
    await done;
    await publishing.settle();
    expect(publishing.acknowledged).toBe(publishing.sent);
  });

  it('stops at the first message that is refused and keeps the reason', async () => {
    const client = new StandInClient();
    client.refusal = new Error('refused');
    const publishing = new Publishing(client, undefined, never);
    const endless = (function* () {
      for (;;) yield messages(1);
    })();
    await publishing.publishAll(endless);
    await publishing.settle();
    expect(publishing.failed.reason).toBe(client.refusal);
    expect(publishing.acknowledged).toBe(0);
  });

  it('sends nothing once it is stopped', async () => {
    const client = new StandInClient();
    const publishing = new Publishing(client, 1, AbortSignal.abort());
    await publishing.publishAll([messages(2)]);
    expect(client.groups).toEqual([]);
  });

  it('sends every message at a pace, too', async () => {
    const client = new StandInClient();
    const publishing = new Publishing(client, 100_000, never);
    await publishing.publishAll([messages(300)]);
    expect(client.groups.flat()).toHaveLength(300);
  });
});

describe('Pace', () => {
  it('spreads messages evenly from its start on', () => {
    let now = 1_000;
    const pace = new Pace(4, () => now);
    expect([0, 1, 4].map((sent) => pace.waitMs(sent))).toEqual([0, 250, 1_000]);
    now = 1_600;
    expect(pace.waitMs(2)).toBeLessThan(0);
    expect(pace.waitMs(4)).toBe(400);
  });

  it('never waits without a rate', () => {
    expect(new Pace(undefined, () => 5).waitMs(1_000)).toBe(0);
  });
});
