import type { DialectName } from '../dialects/dialect.js';
import { dialects } from '../dialects/index.js';
import { Line } from './line.js';

/** What followers are to do that stop reading. */
export interface StallTask {
  dialect: DialectName;
  port: number;
  payloadBytes: number;
  /** Each joins at the first message and stops reading when it has this many. */
  stallAfter: readonly number[];
}

/**
 * Join, read some, and read no more; the connections stay. Never resolves.
 * @param ready called when all of them have stopped
 */
export function stall({ dialect, port, payloadBytes, stallAfter }: StallTask, ready: () => void): Promise<never> {
  let running = stallAfter.length;
  for (const messages of stallAfter) {
    const line = new Line(port);
    const order = { from: 1, payloadBytes };
    const follower = dialects[dialect].follower(order, { ready: () => {} }, (bytes) => line.write(bytes));
    let isStalled = false;
    line.speak(follower, () => {
      if (isStalled || follower.messages < messages) return;
      isStalled = true;
      line.pause();
      running -= 1;
      if (running === 0) ready();
    });
  }
  return new Promise(() => {});
}
