import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { CatchUp } from '../../actors/catch-up.js';
import { PageTurns } from '../../actors/page-turns.js';
import {
  blockBody,
  decodePayloads,
  encodePayloads,
  type Payloads,
  type ServerMessage,
  type SessionSummary,
  sealBlock,
} from '../../protocol/index.js';
import { Log } from '../../storage/index.js';
import { texts } from '../support/payloads.js';

export const silent = pino({ level: 'silent' });

/** `count` payloads of `bytes` bytes each. */
export function filled(count: number, bytes: number): Payloads {
  return encodePayloads(Array.from({ length: count }, () => Buffer.alloc(bytes)));
}

/** A block of log 7 that starts at `firstSeq`; each message is its own number. */
export function blockOf(firstSeq: number, count: number): Buffer {
  return sealBlock(7, firstSeq, 1_000, [texts(...Array.from({ length: count }, (_, index) => `${firstSeq + index}`))]);
}

/** The messages of blocks, as text. */
export function textsIn(blocks: readonly Buffer[]): string[] {
  return blocks.flatMap((block) => [...decodePayloads(blockBody(block))].map((payload) => payload.toString()));
}

/** An active, empty log, number 7 unless another is given. */
export function emptyLog(number = 7): Log {
  const facts = { number, source: 'main', session: 'S1', epoch: 'aabbccddeeff0011', state: 'active' } as const;
  return new Log({ ...facts, firstSeq: 1, lastSeq: 0, timeMs: 0, receiptsSeq: 0 }, 1024 * 1024);
}

/** A line of the catalogue: log 7, messages 1 to 10, active. */
export function sessionOf(more: Partial<SessionSummary> = {}): SessionSummary {
  return {
    source: 'main',
    session: 'S1',
    log: 7,
    epoch: 'aabbccddeeff0011',
    state: 'active',
    firstSeq: 1,
    lastSeq: 10,
    createdMs: 1_000,
    ...more,
  };
}

/** A promise and how to settle it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}

/** Two ends of a TCP connection; closed after the test. The far end is not read until somebody listens. */
export async function socketPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [Socket];
  if (far.connecting) await once(far, 'connect');
  far.on('error', () => {});
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

/** An outlet that takes everything, as long as it has room. */
export class TestOutlet {
  readonly id = 1;
  readonly sent: ServerMessage[] = [];
  readonly written: Buffer[] = [];
  hasRoom = true;
  queuedBytes = 0;
  readonly pageTurns = new PageTurns(() => this.hasRoom, new CatchUp());

  send(message: ServerMessage): void {
    this.sent.push(message);
  }

  write(frames: readonly Buffer[]): void {
    this.written.push(...frames);
  }
}
