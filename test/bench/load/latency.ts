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
  /** Longest time in which some follower got nothing. */
  longestGapMs: number;
}

/**
 * Publish at a steady pace, and take the time at which each follower has each message. A message counts from when it was
 * due: a stall of this process would otherwise hide the messages it held up.
 * @param started called when the first one that counts has arrived
 */
export function latency(task: LatencyTask, started: () => void): Promise<LatencyReport> {
  return new Promise((resolve) => {
    const { followers, messages, messagesPerSecond, payloadBytes, warmUpMessages } = task;
    const dialect = dialects[task.dialect];
    const latenciesMs = new Float64Array(messages * followers);
    const arrivedMs = new Float64Array(followers);
    let countFromMs = Infinity;
    let longestGapMs = 0;
    let arrived = 0;
    let waiting = followers + 1;
    const oneIsReady = () => {
      waiting -= 1;
      if (waiting > 0) return;
      countFromMs = pacer.start() + ((warmUpMessages - 0.5) * 1_000) / messagesPerSecond;
      arrivedMs.fill(countFromMs);
    };
    const oneHasArrived = (index: number, bytes: Buffer) => {
      const dueMs = bytes.readDoubleBE(0);
      if (dueMs < countFromMs) return;
      const nowMs = machineMs();
      longestGapMs = Math.max(longestGapMs, nowMs - arrivedMs[index]!);
      arrivedMs[index] = nowMs;
      if (arrived === 0) started();
      latenciesMs[arrived] = nowMs - dueMs;
      arrived += 1;
      if (arrived === latenciesMs.length) resolve({ latenciesMs, longestGapMs });
    };
    for (let index = 0; index < followers; index += 1) {
      const payload = (bytes: Buffer) => oneHasArrived(index, bytes);
      const follows = new Line(task.port);
      follows.speak(
        dialect.follower({ payloadBytes }, { ready: oneIsReady, payload }, (bytes) => follows.write(bytes)),
      );
    }
    const pacer = new Pacer({ ...task, messages: warmUpMessages + messages }, oneIsReady);
  });
}
