import { Worker } from 'node:worker_threads';
import type { DialectName } from '../dialects/dialect.js';
import { machineMs } from './clock.js';

/** What a thread that publishes at a steady pace is to do. */
export interface PaceTask {
  dialect: DialectName;
  port: number;
  messages: number;
  messagesPerSecond: number;
  payloadBytes: number;
}

/** How long before its first message the thread is told to start. */
const leadMs = 50;

/**
 * Publishes at a steady pace, one message each, that begin with the time at which they were due: see {@link machineMs}.
 * It is a thread of its own because timers are only good to a millisecond or two, and that would be measured too: a
 * thread that has nothing else to do can sleep until the microsecond.
 */
export class Pacer {
  readonly #thread: Worker;

  constructor(task: PaceTask, ready: () => void) {
    this.#thread = new Worker(new URL('./pacer-thread.js', import.meta.url), { workerData: task });
    this.#thread.once('message', ready);
  }

  /** Begin. @returns when the first message is due */
  start(): number {
    const startMs = machineMs() + leadMs;
    this.#thread.postMessage(startMs);
    return startMs;
  }
}
