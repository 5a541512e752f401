import { describe, expect, it } from 'vitest';
import { LocalProducer } from '../../actors/local-producer.js';
import { type Producer, PublishQueue } from '../../actors/publish-queue.js';
import { blockPayloadBytesMax, type Durability, limits, type ReceiptRun } from '../../protocol/index.js';
import { readBlockReceipts, splitValue } from '../../storage/block-value.js';
import { type Operation, type Sealed, StorageError } from '../../storage/index.js';
import { turn } from '../support/deadline.js';
import { texts } from '../support/payloads.js';
import { emptyLog, filled, textsIn } from './support.js';

/** Keeps what it was told. */
class Teller implements Producer {
  readonly told: unknown[] = [];
  readonly receipts: ReceiptRun[][] = [];

  receipt(_log: unknown, runs: ReceiptRun[]) {
    this.receipts.push(runs);
    return {
      publisher: 'p',
      written: () => this.told.push('receipt written'),
      discarded: () => this.told.push('receipt discarded'),
    };
  }

  acknowledged(_log: unknown, runs: ReceiptRun[], durability: Durability): void {
    this.told.push({ runs, durability });
  }

  refused(number: number, error: Error & { code: string }): void {
    this.told.push({ refused: number, code: error.code });
  }
}

function queueOf({ bytesMax = 10 * 1024 * 1024 } = {}) {
  const log = emptyLog();
  const committed: number[] = [];
  let woken = 0;
  const wake = () => {
    woken += 1;
  };
  const queue = new PublishQueue(
    log,
    { wake },
    () => 5_000,
    bytesMax,
    (seq) => committed.push(seq),
  );
  const push = (producer: Producer, number: number, payloads = texts('x'), durability: Durability = 'os') =>
    queue.push({ producer, number, payloads, durability });
  const seal = (room = 1024 * 1024): Sealed => queue.seal(room)!;
  /** What is sealed next, or was, is written, and those who wait are told. */
  const write = (durability: Durability, sealed = seal()): void => {
    sealed.written();
    sealed.tell(durability);
  };
  return { log, queue, push, seal, write, committed, woken: () => woken };
}

const notWritten = new StorageError('ERR_NOT_WRITTEN', 'the write failed');

describe('a publish queue', () => {
  it('wakes the committer for every publish and numbers nothing before a block is sealed', () => {
    const { log, push, queue, woken } = queueOf();
    push(new Teller(), 1);
    push(new Teller(), 1);
    expect([woken(), queue.depth, log.nextSeq]).toEqual([2, 2, 1]);
  });

  it('has nothing to seal when it is empty', () => {
    expect(queueOf().queue.seal(1_000)).toBeUndefined();
  });

  it('seals the publishes of all producers in the order in which they came', () => {
    const { push, seal } = queueOf();
    const [one, other] = [new Teller(), new Teller()];
    push(one, 1, texts('a', 'b'));
    push(other, 9, texts('c'));
    push(one, 2, texts('d'));
    const { operations, bytes, proof } = seal();
    const [put] = operations;
    const { value } = put as { value: Buffer };
    const { blocks, receipts } = splitValue(value);
    expect(textsIn(blocks)).toEqual(['a', 'b', 'c', 'd']);
    expect(operations).toHaveLength(1);
    expect([bytes, proof]).toEqual([value.length, put!.key]);
    expect(readBlockReceipts(receipts!)!.publishers).toEqual([
      ['p', one.receipts[0]],
      ['p', other.receipts[0]],
    ]);
    expect([one.receipts, other.receipts]).toEqual([
      [
        [
          [1, 1, 1, 2],
          [2, 1, 4, 1],
        ],
      ],
      [[[9, 1, 3, 1]]],
    ]);
  });

  it('makes one run of publishes that follow each other with the same number of messages', () => {
    const { push, seal } = queueOf();
    const teller = new Teller();
    for (const number of [1, 2, 3]) push(teller, number, texts('a', 'b'));
    push(teller, 4, texts('c'));
    push(teller, 5, texts('d'));
    seal();
    expect(teller.receipts).toEqual([
      [
        [1, 3, 1, 2],
        [4, 2, 7, 1],
      ],
    ]);
  });

  it('asks for the strongest durability of the publishes in the block', () => {
    const { push, seal } = queueOf();
    push(new Teller(), 1);
    expect(seal().durability).toBe('os');
    const other = queueOf();
    other.push(new Teller(), 1);
    other.push(new Teller(), 1, texts('x'), 'disk');
    expect(other.seal().durability).toBe('disk');
  });

  it('fills blocks to their limit of bytes and not beyond, and a batch with as many as have room', () => {
    const { log, push, queue, seal, write } = queueOf();
    const half = filled(1, blockPayloadBytesMax / 2 - 5);
    const teller = new Teller();
    for (const number of [1, 2, 3, 4, 5, 6, 7]) push(teller, number, half);
    const sealed = seal(3 * blockPayloadBytesMax);
    const values = sealed.operations.map((put) => splitValue((put as { value: Buffer }).value));
    expect(values.map(({ blocks }) => blocks.map((block) => block.length <= limits.blockBytesMax))).toEqual([
      [true],
      [true],
      [true],
    ]);
    expect(values.map(({ receipts }) => readBlockReceipts(receipts!)!.publishers)).toEqual([
      [['p', [[1, 2, 1, 1]]]],
      [['p', [[3, 2, 3, 1]]]],
      [['p', [[5, 2, 5, 1]]]],
    ]);
    expect([queue.depth, queue.bytes]).toEqual([7, half.bytes.length]);
    expect(sealed.proof).toEqual(sealed.operations[2]!.key);
    write('os', sealed);
    expect([queue.depth, log.lastSeq]).toEqual([1, 6]);
    expect(teller.told).toEqual(['receipt written', { runs: [[1, 6, 1, 1]], durability: 'os' }]);
  });

  it('gives the numbers of all blocks of a batch back when it was not written', () => {
    const { log, push, seal } = queueOf();
    const teller = new Teller();
    for (const number of [1, 2, 3]) push(teller, number, filled(1, blockPayloadBytesMax - 5));
    const sealed = seal();
    expect([sealed.operations.length, log.nextSeq]).toEqual([3, 4]);
    sealed.refused(notWritten);
    expect([log.nextSeq, log.lastSeq]).toEqual([1, 0]);
    expect(teller.told).toEqual(['receipt discarded', { refused: 1, code: 'ERR_NOT_WRITTEN' }]);
  });

  it('keeps to the room that is left in the batch, but seals one publish at least', () => {
    const { push, seal, write } = queueOf();
    const large = filled(1, limits.payloadBytesMax);
    push(new Teller(), 1, large);
    push(new Teller(), 1, texts('x'));
    const sealed = seal(100);
    expect(sealed.bytes).toBeGreaterThan(limits.payloadBytesMax);
    write('os', sealed);
    expect(seal(100).bytes).toBeLessThan(100);
  });

  it('puts at most 8192 messages into a block', () => {
    const { push, seal } = queueOf();
    const teller = new Teller();
    push(teller, 1, filled(8_192, 1));
    push(teller, 2, filled(1, 1));
    const blocks = seal().operations.flatMap((put) => splitValue((put as { value: Buffer }).value).blocks);
    expect(blocks.map((block) => textsIn([block]).length)).toEqual([8_192, 1]);
  });

  it('publishes a written block to the ring first, then to followers, then to its producers', () => {
    const { log, push, seal, committed } = queueOf();
    const teller = new Teller();
    push(teller, 1, texts('a', 'b'));
    const sealed = seal();
    expect([log.lastSeq, committed]).toEqual([0, []]);
    sealed.written();
    expect([log.lastSeq, log.ring.lastSeq, committed, teller.told]).toEqual([2, 2, [], ['receipt written']]);
    sealed.tell('disk');
    expect(committed).toEqual([2]);
    expect(teller.told).toEqual(['receipt written', { runs: [[1, 1, 1, 2]], durability: 'disk' }]);
  });

  it('refuses what was not written and everything behind it, each producer from its first number on', () => {
    const { log, push, queue, seal, committed } = queueOf();
    const [one, other] = [new Teller(), new Teller()];
    push(one, 4);
    const sealed = seal();
    for (const number of [5, 6]) push(one, number);
    push(other, 1);
    sealed.refused(notWritten);
    expect(one.told).toEqual(['receipt discarded', { refused: 4, code: 'ERR_NOT_WRITTEN' }]);
    expect(other.told).toEqual([{ refused: 1, code: 'ERR_NOT_WRITTEN' }]);
    expect([queue.depth, queue.bytes, committed, log.nextSeq]).toEqual([0, 0, [], 1]);
  });

  it('gives the numbers of a refused block to the next one', () => {
    const { log, push, seal, write } = queueOf();
    push(new Teller(), 1, texts('lost'));
    seal().refused(notWritten);
    push(new Teller(), 1, texts('kept'));
    write('os');
    expect(textsIn(log.ring.take(1, 1_000))).toEqual(['kept']);
  });

  it('refuses a publish that does not fit, and takes it when there is room again', () => {
    const { push, seal } = queueOf({ bytesMax: 100 });
    push(new Teller(), 1, filled(1, 90));
    expect(() => push(new Teller(), 1, filled(1, 20))).toThrow(expect.objectContaining({ code: 'ERR_BUSY' }));
    seal();
    expect(() => push(new Teller(), 1, filled(1, 20))).not.toThrow();
  });

  it('works through a backlog of thousands of publishes in order', () => {
    const { log, push, queue, seal, write } = queueOf();
    const teller = new Teller();
    const last = 100_000;
    for (let number = 1; number <= last; number += 1) push(teller, number);
    while (queue.depth > 0) write('os', seal(50_000));
    expect(log.lastSeq).toBe(last);
    const runs = teller.receipts.flat();
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.map(([first]) => first)).toEqual(
      [1, ...runs.map(([first, publishes]) => first + publishes)].slice(0, -1),
    );
    expect(runs.reduce((sum, [, publishes]) => sum + publishes, 0)).toBe(last);
  });

  it('is flushed when what was queued before is settled, whatever is queued behind it', async () => {
    const { push, queue, seal, write } = queueOf();
    await queue.flushed();
    push(new Teller(), 1);
    let flushed = false;
    void queue.flushed().then(() => {
      flushed = true;
    });
    const sealed = seal();
    push(new Teller(), 1);
    await turn();
    expect(flushed).toBe(false);
    write('os', sealed);
    await turn();
    expect(flushed).toBe(true);
  });

  it('is flushed by a refusal as well', async () => {
    const { push, queue, seal } = queueOf();
    push(new Teller(), 1);
    const sealed = seal();
    push(new Teller(), 1);
    const flushed = queue.flushed();
    sealed.refused(notWritten);
    await flushed;
    expect(queue.depth).toBe(0);
  });

  it('writes nothing of what is queued while it is held, and then all of it to the log it is given', async () => {
    const { queue, push, write, woken } = queueOf();
    const teller = new Teller();
    push(teller, 1);
    queue.hold();
    push(teller, 2, texts('held'));
    const flushed = queue.flushed().then(() => teller.told.push('flushed'));
    write('os');
    expect(queue.seal(1024 * 1024)).toBeUndefined();
    const wakes = woken();
    const next = emptyLog(8);
    queue.release(next);
    expect(woken()).toBe(wakes + 1);
    write('os');
    await flushed;
    expect(textsIn(next.ring.take(1, 1_000))).toEqual(['held']);
    expect(teller.receipts).toEqual([[[1, 1, 1, 1]], [[2, 1, 1, 1]]]);
  });

  it('refuses what is held along with what could not be written', () => {
    const { log, queue, push, seal } = queueOf();
    const teller = new Teller();
    push(teller, 1);
    const sealed = seal();
    queue.hold();
    push(teller, 2);
    sealed.refused(notWritten);
    expect(teller.told).toEqual(['receipt discarded', { refused: 1, code: 'ERR_NOT_WRITTEN' }]);
    queue.release(log);
    push(teller, 1);
    seal();
    expect(teller.receipts).toEqual([[[1, 1, 1, 1]], [[1, 1, 1, 1]]]);
  });
});

describe('a local producer', () => {
  it('resolves each publish with its log and its first number', async () => {
    const { log, queue, seal, write } = queueOf();
    const local = new LocalProducer();
    const published = [texts('a', 'b'), texts('c', 'd'), texts('e')].map((some) => local.publish(queue, some, 'os'));
    const sealed = seal();
    expect(sealed.operations).toHaveLength(1);
    write('os', sealed);
    expect(await Promise.all(published)).toEqual([1, 3, 5].map((firstSeq) => ({ log, firstSeq })));
  });

  it('has what belongs to a publish written in the batch of its block', async () => {
    const { queue, seal } = queueOf();
    const local = new LocalProducer();
    const position: Operation = { type: 'put', key: Buffer.from('position'), value: Buffer.from('2') };
    void local.publish(queue, texts('a'), 'os');
    void local.publish(queue, texts('b'), 'os', () => position);
    const { operations, proof } = seal();
    expect(operations.map(({ key }) => key)).toEqual([proof, position.key]);
    expect(operations[1]).toBe(position);
  });

  it('rejects everything under way when a publish is refused, and goes on afterwards', async () => {
    const { queue, seal, write } = queueOf();
    const local = new LocalProducer();
    const lost = local.publish(queue, texts('a'), 'os');
    const sealed = seal();
    const behind = local.publish(queue, texts('b'), 'os');
    sealed.refused(notWritten);
    await expect(lost).rejects.toBe(notWritten);
    await expect(behind).rejects.toBe(notWritten);
    const next = local.publish(queue, texts('c'), 'os');
    write('os');
    expect(await next).toMatchObject({ firstSeq: 1 });
  });

  it('rejects what the queue has no room for, without harm to the others', async () => {
    const { queue, write } = queueOf({ bytesMax: 10 });
    const local = new LocalProducer();
    const first = local.publish(queue, texts('fits'), 'os');
    await expect(local.publish(queue, texts('does not fit'), 'os')).rejects.toMatchObject({ code: 'ERR_BUSY' });
    write('os');
    expect(await first).toMatchObject({ firstSeq: 1 });
  });
});
