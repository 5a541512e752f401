import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { describe, expect, it } from 'vitest';
import type { QueuedPublish } from '../../actors/publish-queue.js';
import { PublishBudget, PublishWindow } from '../../actors/publish-window.js';
import { type PublishAnswer, Publisher, type PublisherOwner } from '../../actors/publisher.js';
import { limits, ProtocolError, type Publish, type ReceiptRun } from '../../protocol/index.js';
import { type Log, PublisherRecord, StorageError } from '../../storage/index.js';
import { turn } from '../support/deadline.js';
import { texts } from '../support/payloads.js';
import { emptyLog } from './support.js';

class Owner implements PublisherOwner {
  readonly answers: PublishAnswer[] = [];
  readonly drops: number[] = [];
  lost = false;

  answer(answer: PublishAnswer): void {
    this.answers.push(answer);
  }

  dropped(first: number, last: number): void {
    for (let number = first; number <= last; number += 1) this.drops.push(number);
  }

  gone(): boolean {
    return false;
  }

  takenOver(): void {
    this.lost = true;
  }

  /** The answers, short: `+5` acknowledged up to 5, `-6 CODE` refused. */
  get heard(): string[] {
    return this.answers.map((answer) =>
      answer.type === 'REFUSED' ? `-${answer.number} ${answer.code}` : `+${answer.number}`,
    );
  }
}

/** A publisher whose queue is an array, and what may become of what is in it. */
class Stage {
  readonly log: Log = emptyLog();
  readonly queued: QueuedPublish[] = [];
  readonly owner = new Owner();
  refusal: ProtocolError | StorageError | undefined;
  full = false;
  #seq = 1;

  private constructor(readonly publisher: Publisher) {}

  static async start(): Promise<Stage> {
    const level = new MemoryLevel<Buffer, Buffer>({ keyEncoding: 'buffer', valueEncoding: 'buffer' });
    const record = await PublisherRecord.load(level, 'main', 'p', () => 1_000);
    const queue = { push: (publish: QueuedPublish) => stage.push(publish) };
    const target = () => ({ log: stage.log, queue: queue as never, refusal: () => stage.refusal });
    const stage: Stage = new Stage(new Publisher(record, target));
    stage.publisher.own(stage.owner, 'os');
    return stage;
  }

  push(publish: QueuedPublish): void {
    if (this.full) throw new ProtocolError('ERR_BUSY', 'the queue is full');
    this.queued.push(publish);
  }

  send(...numbers: number[]): void {
    for (const number of numbers) this.sendAs(this.owner, number);
  }

  sendAs(owner: Owner, number: number): void {
    this.publisher.publish(owner, { number, session: '', payloads: texts('x') } as Publish);
  }

  /** Send through a window, as a connection does, and count what it has in it. */
  throughWindow(): { send(number: number): void; unanswered(): number } {
    const budget = new PublishBudget(1_000_000);
    const window = new PublishWindow(budget);
    this.owner.answer = (answer) => window.answered(answer);
    this.owner.dropped = (first, last) => window.dropped(first, last);
    const send = (number: number): void => {
      window.admit(number, 10);
      this.send(number);
    };
    return { send, unanswered: () => budget.bytes };
  }

  get queuedNumbers(): number[] {
    return this.queued.map(({ number }) => number);
  }

  /** The first `count` publishes in the queue are written in one block. */
  commit(count = this.queued.length): void {
    const [first] = this.queued.splice(0, count);
    const runs: ReceiptRun[] = [[first!.number, count, this.#seq, 1]];
    this.#seq += count;
    this.publisher.receipt(this.log, runs, 'disk').written();
    this.publisher.acknowledged(this.log, runs, 'disk');
  }

  /** All that is in the queue is refused. */
  fail(code: 'ERR_NOT_WRITTEN' | 'ERR_OUTCOME_UNKNOWN' = 'ERR_NOT_WRITTEN'): void {
    const [first] = this.queued.splice(0);
    this.publisher.refused(first!.number, new StorageError(code, 'it failed'));
  }
}

describe('a publisher', () => {
  it('queues consecutive numbers and acknowledges them together', async () => {
    const stage = await Stage.start();
    stage.send(1, 2, 3);
    expect(stage.queuedNumbers).toEqual([1, 2, 3]);
    stage.commit();
    expect(stage.owner.answers).toEqual([
      {
        type: 'ACKNOWLEDGED',
        source: 'main',
        session: 'S1',
        epoch: stage.log.epoch,
        durability: 'disk',
        number: 3,
        runs: [[1, 3, 1, 1]],
      },
    ]);
    expect(stage.publisher.lastNumber).toBe(3);
  });

  it('may start at any number when it is not on record', async () => {
    const stage = await Stage.start();
    stage.send(41, 42);
    expect(stage.queuedNumbers).toEqual([41, 42]);
  });

  it('refuses a number that leaves a gap, and takes the missing one', async () => {
    const stage = await Stage.start();
    stage.send(1, 3);
    expect(stage.owner.heard).toEqual(['-3 ERR_PUBLISH_NUMBER']);
    stage.send(2, 3);
    expect(stage.queuedNumbers).toEqual([1, 2, 3]);
  });

  it('answers a repeat with the original acknowledgement of that publish', async () => {
    const stage = await Stage.start();
    stage.send(1, 2, 3);
    stage.commit();
    stage.send(2);
    expect(stage.queued).toEqual([]);
    expect(stage.owner.answers[1]).toMatchObject({ type: 'ACKNOWLEDGED', number: 2, runs: [[2, 1, 2, 1]] });
  });

  it('refuses a repeat whose acknowledgement is no longer kept', async () => {
    const stage = await Stage.start();
    stage.send(1);
    stage.commit();
    for (let number = 2; number <= limits.publishesInFlightMax + 1; number += 1) stage.send(number);
    stage.commit();
    stage.send(1);
    expect(stage.owner.heard.pop()).toBe('-1 ERR_PUBLISH_NUMBER');
  });

  it('takes a repeat of what is still in flight once', async () => {
    const stage = await Stage.start();
    stage.send(1, 2, 1, 2);
    stage.commit();
    expect(stage.owner.heard).toEqual(['+2']);
  });

  it('drops what is behind a refused number until that number comes again', async () => {
    const stage = await Stage.start();
    stage.send(1, 2, 3);
    stage.fail();
    stage.send(4, 5);
    expect(stage.owner.heard).toEqual(['-1 ERR_NOT_WRITTEN']);
    expect(stage.queued).toEqual([]);
    stage.send(1, 2, 3, 4, 5);
    stage.commit();
    expect(stage.owner.heard).toEqual(['-1 ERR_NOT_WRITTEN', '+5']);
  });

  it('refuses from the number on at which the queue was full', async () => {
    const stage = await Stage.start();
    stage.send(1);
    stage.full = true;
    stage.send(2, 3);
    stage.full = false;
    stage.send(4);
    expect(stage.owner.heard).toEqual(['-2 ERR_BUSY']);
    expect(stage.queuedNumbers).toEqual([1]);
    stage.send(2, 3, 4);
    expect(stage.queuedNumbers).toEqual([1, 2, 3, 4]);
  });

  it('refuses with the reason why nothing can be published, and goes on afterwards', async () => {
    const stage = await Stage.start();
    stage.refusal = new StorageError('ERR_DISK_FULL', 'the disk is full');
    stage.send(1, 2);
    stage.refusal = undefined;
    stage.send(1, 2);
    expect(stage.owner.answers).toMatchObject([{ type: 'REFUSED', number: 1, code: 'ERR_DISK_FULL', remedy: 'retry' }]);
    expect(stage.queuedNumbers).toEqual([1, 2]);
  });

  it('says ERR_STORAGE_UNAVAILABLE for what only the storage has a code for', async () => {
    const stage = await Stage.start();
    stage.refusal = new StorageError('ERR_STORAGE_CLOSED', 'the store is closed');
    stage.send(1);
    expect(stage.owner.heard).toEqual(['-1 ERR_STORAGE_UNAVAILABLE']);
  });

  it('asks for the durability of its login', async () => {
    const stage = await Stage.start();
    stage.publisher.own(stage.owner, 'disk');
    stage.send(1);
    expect(stage.queued[0]!.durability).toBe('disk');
  });

  it('refuses everything once the outcome of a publish is unknown', async () => {
    const stage = await Stage.start();
    stage.send(1, 2);
    stage.fail('ERR_OUTCOME_UNKNOWN');
    expect(stage.publisher.unknown).toBe(true);
    stage.send(1);
    expect(stage.owner.answers).toMatchObject([
      { number: 1, code: 'ERR_OUTCOME_UNKNOWN', remedy: 'reconnect' },
      { number: 1, code: 'ERR_OUTCOME_UNKNOWN', remedy: 'reconnect' },
    ]);
    expect(stage.queued).toEqual([]);
  });
});

describe('a publisher that logs in again', () => {
  it('takes over: the owner before is told, and nothing of it is taken or answered any more', async () => {
    const stage = await Stage.start();
    const other = new Owner();
    stage.publisher.own(other, 'os');
    expect([stage.owner.lost, other.lost]).toEqual([true, false]);
    stage.sendAs(stage.owner, 1);
    expect(stage.queued).toEqual([]);
    stage.sendAs(other, 1);
    stage.commit();
    expect([stage.owner.heard, other.heard]).toEqual([[], ['+1']]);
  });

  it('is settled when nothing of it is being written', async () => {
    const stage = await Stage.start();
    await stage.publisher.settled();
    stage.send(1, 2);
    stage.publisher.takeOver();
    let settled = false;
    void stage.publisher.settled().then(() => {
      settled = true;
    });
    stage.commit(1);
    await turn();
    expect([settled, stage.publisher.lastNumber]).toEqual([false, 1]);
    stage.commit(1);
    await turn();
    expect([settled, stage.publisher.lastNumber]).toEqual([true, 2]);
  });

  it('is settled by a refusal as well; with nothing on record the next login starts where it likes, and only goes up', async () => {
    const stage = await Stage.start();
    stage.send(1, 2);
    stage.publisher.takeOver();
    const settled = stage.publisher.settled();
    stage.fail();
    await settled;
    const other = new Owner();
    stage.publisher.own(other, 'os');
    stage.sendAs(other, 2);
    stage.sendAs(other, 1);
    expect(stage.queuedNumbers).toEqual([2]);
    expect(other.heard).toEqual(['-1 ERR_PUBLISH_NUMBER']);
  });

  it('is idle when nobody speaks for it and nothing of it is being written', async () => {
    const stage = await Stage.start();
    stage.send(1);
    const idle = [stage.publisher.idle];
    stage.publisher.disown(new Owner());
    idle.push(stage.publisher.idle);
    stage.publisher.disown(stage.owner);
    idle.push(stage.publisher.idle);
    stage.commit();
    idle.push(stage.publisher.idle);
    expect(idle).toEqual([false, false, false, true]);
    expect(stage.owner.heard).toEqual([]);
  });

  it('answers or drops everything it was given, whatever the order of numbers, commits and failures', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const stage = await Stage.start();
        const { send, unanswered } = stage.throughWindow();
        for (const { act, number } of steps) {
          if (act === 'send') send(number);
          else if (act === 'refuse') stage.refusal = stage.refusal ? undefined : new ProtocolError('ERR_BUSY', 'no');
          else if (stage.queued.length > 0 && act === 'commit') stage.commit();
          else if (stage.queued.length > 0) stage.fail();
        }
        if (stage.queued.length > 0) stage.commit();
        expect(unanswered()).toBe(0);
      }),
    );
  });
});

/** What can happen to a publisher. */
const step = fc.record({
  act: fc.constantFrom('send', 'send', 'send', 'send', 'commit', 'fail', 'refuse'),
  number: fc.integer({ min: 1, max: 8 }),
});
