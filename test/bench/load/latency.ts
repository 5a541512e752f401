import { dialects } from '../dialects/index.js';
import { machineMs } from './clock.js';
import { Line } from './line.js';
import { Pacer, type PaceTask } from './pacer.js';

/** What one process that publishes and follows is to do. */
export interface LatencyTask extends PaceTask {
  followers: number;
  /** Messages at the same pace before those that count: a server in production is warm, and so is this process then. */
  warmUpMessages: number;
}

/** How late messages were. */
export interface LatencyReport {
  /** Milliseconds from publish to arrival, of each message at each follower. */
  latenciesMs: Float64Array;
}

/**
 * Publish at a steady pace, and take the time at which each follower has each message. A message counts from when it was
 * due: a stall of this process would otherwise hide the messages it held up.
 */
export function latency(task: LatencyTask): Promise<LatencyReport> {
  return new Promise((resolve) => {
    const { followers, messages, messagesPerSecond, payloadBytes, warmUpMessages } = task;
    const dialect = dialects[task.dialect];
    const latenciesMs = new Float64Array(messages * followers);
    let countFromMs = Infinity;
    let arrived = 0;
    let waiting = followers + 1;
    const oneIsReady = () => {
      waiting -= 1;
      if (waiting === 0) countFromMs = pacer.start() + ((warmUpMessages - 0.5) * 1_000) / messagesPerSecond;
    };
    const payload = (bytes: Buffer) => {
      const dueMs = bytes.readDoubleBE(0);
      if (dueMs < countFromMs) return;
      latenciesMs[arrived] = machineMs() - dueMs;
      arrived += 1;
      if (arrived === latenciesMs.length) resolve({ latenciesMs });
    };
    for (let index = 0; index < followers; index += 1) {
      const follows = new Line(task.port);
      follows.speak(
        dialect.follower({ payloadBytes }, { ready: oneIsReady, payload }, (bytes) => follows.write(bytes)),
      );
    }
    const pacer = new Pacer({ ...task, messages: warmUpMessages + messages }, oneIsReady);
  });
}
