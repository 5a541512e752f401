import { expect, test } from 'vitest';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { Follower } from './support/follower.js';
import { GoBackNPublisher } from './support/go-back-n-publisher.js';
import { inspect } from './support/inspection.js';
import { rssAnonBytes } from './support/processes.js';
import { RawClient } from './support/raw-client.js';

const arena = useArena();

/** Bytes published while nobody of the stalled reads; 1 GB unless the environment says otherwise. */
const volumeBytes = Number(process.env.STALLED_SUBSCRIBERS_BYTES ?? 1_000_000_000);
const bytesEach = 4_000;
const messagesEach = 60;
const publishes = Math.ceil(volumeBytes / (bytesEach * messagesEach));
const stalledCount = 100;
const healthyCount = 3;

const mebibyte = 1024 * 1024;
/**
 * What the server's own memory may grow by, over what it is when all are connected and nothing was published: the ring
 * (16 MiB), the page cache (32 MiB), two tables LevelDB holds in memory (32 MiB), up to 320 KiB that wait for each of the
 * stalled (32 MiB), and 64 MiB of freed buffers, which is when V8 collects them, make 176 MiB; the rest is reserve.
 */
const growthBytesMax = 240 * mebibyte;

/**
 * Where a stalled subscriber stops, as a publish number: a few all over the stream, most of them in its last twentieth,
 * or their reading of it all would take longer than the rest of the test. Most positions have left the ring at the end.
 */
function stopAt(index: number): number {
  const few = 5;
  const part = index < few ? (index / few) * 0.95 : 0.95 + 0.05 * ((index - few) / (stalledCount - few));
  return 1 + Math.floor(part * (publishes - 1));
}

/** What a message says about its own place must be true. */
function expectMessage(seq: number, payload: Buffer): void {
  const number = Math.floor((seq - 1) / messagesEach) + 1;
  const text = `p/${number}.${(seq - 1) % messagesEach}.`;
  if (payload.length !== bytesEach || payload.toString('latin1', 0, text.length) !== text) {
    throw new Error(`message ${seq} is ${payload.toString('latin1', 0, 20)}`);
  }
}

/** A subscriber that joins the live stream, reads one block of it and then nothing, until it is told to. */
class Stalled {
  readonly #client: RawClient;
  readonly #lastSeq: number;
  readonly #complete: Promise<void>;
  readonly #completed: () => void;

  static async connect(port: number, lastSeq: number): Promise<Stalled> {
    let stalled: Stalled | undefined;
    const client = await RawClient.connect(
      port,
      { client: 'stalled' },
      {
        block: ({ firstSeq, lastSeq: last, payloads }) => {
          let seq = firstSeq;
          for (const payload of payloads()) expectMessage(seq++, payload);
          stalled!.#received(last);
        },
      },
    );
    stalled = new Stalled(client, lastSeq);
    arena.defer(() => client.cut());
    return stalled;
  }

  #stalls = true;

  private constructor(client: RawClient, lastSeq: number) {
    this.#client = client;
    this.#lastSeq = lastSeq;
    let completed = () => {};
    this.#complete = new Promise((resolve) => {
      completed = resolve;
    });
    this.#completed = completed;
  }

  async join(): Promise<void> {
    await this.#client.subscribed();
  }

  /** Read everything there is; resolves with the last message. */
  async readOn(): Promise<void> {
    this.#stalls = false;
    this.#client.resume();
    const broken = this.#client.closed.then(() => {
      throw new Error('a stalled subscriber was cut off');
    });
    await within(Promise.race([this.#complete, broken]), 'a stalled subscriber to have everything', 120_000);
    expect(this.#client.lost).toEqual([]);
  }

  #received(lastSeq: number): void {
    if (this.#stalls) this.#client.stall();
    if (lastSeq === this.#lastSeq) this.#completed();
  }
}

test(`${stalledCount} subscribers that stop reading cost bounded memory, slow nobody, and get everything in the end`, {
  timeout: 240_000,
}, async () => {
  const { port } = await arena.start();
  const lastSeq = publishes * messagesEach;
  const healthy = await Promise.all(
    Array.from({ length: healthyCount }, () => Follower.start({ port, from: 1, message: expectMessage })),
  );
  for (const follower of healthy) arena.defer(() => follower.stop());
  const stalled = await Promise.all(Array.from({ length: stalledCount }, () => Stalled.connect(port, lastSeq)));
  const publisher = new GoBackNPublisher({ port, publisher: 'p', bytesEach, messagesEach, window: 4 });
  arena.defer(() => publisher.stop());
  const { pid } = await inspect(port);
  const before = rssAnonBytes(pid);
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, rssAnonBytes(pid));
  }, 50);
  arena.defer(() => clearInterval(watch));

  for (const [index, subscriber] of stalled.entries()) {
    publisher.publishTo(stopAt(index) - 1);
    await publisher.acknowledged(stopAt(index) - 1);
    await subscriber.join();
  }
  publisher.publishTo(publishes);
  await publisher.acknowledged(publishes, 120_000);
  for (const follower of healthy) {
    await follower.reached(lastSeq);
    expect(follower.connections).toBe(1);
    // LIVE is told each time a subscription joins the stream: these have never fallen behind it.
    expect(follower.lives).toBe(1);
  }
  expect(peak - before).toBeLessThan(growthBytesMax);

  await Promise.all(stalled.map((subscriber) => subscriber.readOn()));
  expect(peak - before).toBeLessThan(growthBytesMax);
});
