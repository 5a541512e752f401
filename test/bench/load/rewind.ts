import type { DialectName, Follower } from '../dialects/dialect.js';
import { dialects } from '../dialects/index.js';
import { machineMs } from './clock.js';
import { Line } from './line.js';

/** What a crowd of late joiners is to do. */
export interface RewindTask {
  dialect: DialectName;
  port: number;
  payloadBytes: number;
  /** Where each of them starts. */
  positions: readonly number[];
  /** Each leaves when it has the messages up to here. */
  lastSeq: number;
}

/** What they got. */
export interface RewindReport {
  /** Messages from the log, of all of them together. */
  messages: number;
  startedMs: number;
  endedMs: number;
  /** Last message that one of them reached. */
  reachedSeq: number;
}

/**
 * Join at many positions at a time, and leave where the log ended: what goes live is the business of others.
 * @param ready called when all of them are subscribed
 * @param enough resolves when the rest is not waited for
 */
export function rewind(task: RewindTask, ready: () => void, enough: Promise<void>): Promise<RewindReport> {
  return new Promise((resolve) => {
    const rewinds: { follower: Follower; wanted: number; position: number }[] = [];
    let waiting = task.positions.length;
    let running = task.positions.length;
    const startedMs = machineMs();
    const oneIsReady = () => {
      waiting -= 1;
      if (waiting === 0) ready();
    };
    const report = () => {
      const received = rewinds.map(({ follower, wanted }) => Math.min(follower.messages, wanted));
      const reached = rewinds.map(({ position }, index) => position + received[index]! - 1);
      const messages = received.reduce((sum, count) => sum + count, 0);
      resolve({ messages, startedMs, endedMs: machineMs(), reachedSeq: Math.max(...reached) });
    };
    for (const position of task.positions) {
      const { port, payloadBytes } = task;
      const line = new Line(port);
      const order = { from: position, payloadBytes };
      const follower = dialects[task.dialect].follower(order, { ready: oneIsReady }, (bytes) => line.write(bytes));
      const wanted = task.lastSeq + 1 - position;
      let isDone = false;
      line.speak(follower, () => {
        if (isDone || follower.messages < wanted || !follower.isWhole) return;
        isDone = true;
        line.end();
        running -= 1;
        if (running === 0) report();
      });
      rewinds.push({ follower, wanted, position });
    }
    enough.then(report);
  });
}
