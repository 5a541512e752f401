import type { DialectName } from '../dialects/dialect.js';
import { dialects } from '../dialects/index.js';
import { Line } from './line.js';

/** What one who joins again and again is to do. */
export interface JoinTask {
  dialect: DialectName;
  port: number;
  payloadBytes: number;
  joins: number;
}

/** How long that took. */
export interface JoinReport {
  /** Milliseconds from dialling to having the newest message and being live, of each join. */
  latenciesMs: Float64Array;
}

/** Join at the newest message, one time after the other. */
export async function join(task: JoinTask): Promise<JoinReport> {
  const latenciesMs = new Float64Array(task.joins);
  for (let index = 0; index < task.joins; index += 1) {
    const startedMs = performance.now();
    await joinOnce(task);
    latenciesMs[index] = performance.now() - startedMs;
  }
  return { latenciesMs };
}

function joinOnce({ dialect, port, payloadBytes }: JoinTask): Promise<void> {
  return new Promise((resolve) => {
    const line = new Line(port);
    const live = () => {
      if (follower.messages !== 1) throw new Error(`expected the newest message, got ${follower.messages} messages`);
      line.end();
      resolve();
    };
    const listener = { ready: () => {}, live };
    const follower = dialects[dialect].follower({ from: 0, payloadBytes }, listener, (bytes) => line.write(bytes));
    line.speak(follower);
  });
}
