import { describe, expect, it } from 'vitest';
import { readBlockHeader } from '../../protocol/index.js';
import { Log } from '../../storage/index.js';
import { texts } from '../support/payloads.js';

function openLog(lastSeq = 0, timeMs = 0): Log {
  const facts = { number: 7, source: 'main', session: 'first', epoch: 'e', state: 'active', firstSeq: 1 } as const;
  return new Log({ ...facts, lastSeq, timeMs, receiptsSeq: 0 }, 1000);
}

describe('a log', () => {
  it('stamps numbers when a block is sealed and counts it as durable when it is written', () => {
    const log = openLog(4);
    const { block, firstSeq, lastSeq, timeMs } = log.seal([texts('a', 'b'), texts('c')], 50);
    expect([firstSeq, lastSeq, timeMs]).toEqual([5, 7, 50]);
    expect(readBlockHeader(block)).toMatchObject({ log: 7, firstSeq: 5, lastSeq: 7, timeMs: 50 });
    expect([log.lastSeq, log.nextSeq, log.ring.lastSeq]).toEqual([4, 8, 4]);
    log.written();
    expect([log.lastSeq, log.nextSeq, log.ring.lastSeq]).toEqual([7, 8, 7]);
  });

  it('gives the numbers of a discarded block to the next one', () => {
    const log = openLog();
    log.seal([texts('a')], 1);
    log.discarded();
    expect([log.lastSeq, log.nextSeq]).toEqual([0, 1]);
    expect(log.seal([texts('b')], 2).firstSeq).toBe(1);
  });

  it('never stamps an earlier time than the block before', () => {
    const log = openLog(1, 100);
    expect(log.seal([texts('a')], 50).timeMs).toBe(100);
    log.written();
    expect(log.seal([texts('b')], 120).timeMs).toBe(120);
    log.discarded();
    expect(log.seal([texts('b')], 110).timeMs).toBe(110);
  });

  it('seals the blocks of a batch one behind the other, and takes in all of them or none', () => {
    const log = openLog();
    expect(() => log.written()).toThrow('no sealed block');
    expect(() => log.discarded()).toThrow('no sealed block');
    const seal = (nowMs: number, ...values: string[]) => {
      const { firstSeq, lastSeq, timeMs } = log.seal([texts(...values)], nowMs);
      return [firstSeq, lastSeq, timeMs];
    };
    const sealAll = () => [seal(200, 'a', 'b'), seal(150, 'c'), seal(300, 'd')];
    const batch = [
      [1, 2, 200],
      [3, 3, 200],
      [4, 4, 300],
    ];
    expect(sealAll()).toEqual(batch);
    expect([log.nextSeq, log.lastSeq]).toEqual([5, 0]);
    expect(() => log.ending()).toThrow('being written');
    log.discarded();
    expect([log.nextSeq, log.lastSeq]).toEqual([1, 0]);
    expect(sealAll()).toEqual(batch);
    log.written();
    expect([log.nextSeq, log.lastSeq, log.ring.lastSeq]).toEqual([5, 4, 4]);
  });

  it('takes in a block whose fate was not known in time, once', () => {
    const log = openLog();
    const { block } = log.seal([texts('a', 'b')], 1);
    log.discarded();
    log.found(block);
    log.found(block);
    expect([log.lastSeq, log.nextSeq, log.ring.lastSeq]).toEqual([2, 3, 2]);
  });

  it('seals nothing once its end has begun', () => {
    const log = openLog();
    log.ending();
    expect(() => log.seal([texts('a')], 1)).toThrow('log 7 is ending');
    log.notEnded();
    log.seal([texts('a')], 1);
    log.written();
    log.ending();
    log.ended();
    expect(log.state).toBe('ended');
    expect(() => log.seal([texts('a')], 1)).toThrow('log 7 is ended');
  });

  it('gives the memory of its ring back once it has ended, and keeps its numbers', () => {
    const log = openLog();
    log.seal([texts('a', 'b')], 1);
    log.written();
    expect(() => log.releaseRing()).toThrow('log 7 is active: its ring is in use');
    log.ending();
    expect(() => log.releaseRing()).toThrow('log 7 is ending: its ring is in use');
    log.ended();
    expect(log.ring.bytes).toBeGreaterThan(0);
    log.releaseRing();
    expect([log.ring.bytes, log.ring.firstSeq, log.ring.lastSeq, log.lastSeq]).toEqual([0, 3, 2, 2]);
  });
});
