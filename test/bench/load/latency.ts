import type { DialectName } from '../dialects/dialect.js';
import { dialects } from '../dialects/index.js';
import { Line } from './line.js';

/** What one process that publishes and follows is to do. */
export interface LatencyTask {
  dialect: DialectName;
  port: number;
  followers: number;
  messages: number;
  messagesPerSecond: number;
  payloadBytes: number;
}

/** How late messages were. */
export interface LatencyReport {
  /** Milliseconds from publish to arrival, of each message at each follower. */
  latenciesMs: Float64Array;
}

/**
 * Publish at a steady pace, one message each, and take the time at which each follower has it. Publisher and followers
 * are one process, so that there is one clock. A message counts from when it was due: a stall of this process would
 * otherwise hide the messages it held up.
 */
export function latency(task: LatencyTask): Promise<LatencyReport> {
  return new Promise((resolve) => {
    const { followers, messages, payloadBytes } = task;
    const dialect = dialects[task.dialect];
    const latenciesMs = new Float64Array(messages * followers);
    let arrived = 0;
    let waiting = followers + 1;
    const oneIsReady = () => {
      waiting -= 1;
      if (waiting === 0) pace(task, (dueMs) => line.write(...publisher.publish(stamped(payloadBytes, dueMs))));
    };
    const payload = (bytes: Buffer) => {
      latenciesMs[arrived] = performance.now() - bytes.readDoubleBE(0);
      arrived += 1;
      if (arrived === latenciesMs.length) resolve({ latenciesMs });
    };
    for (let index = 0; index < followers; index += 1) {
      const follows = new Line(task.port);
      follows.speak(
        dialect.follower({ payloadBytes }, { ready: oneIsReady, payload }, (bytes) => follows.write(bytes)),
      );
    }
    const line = new Line(task.port);
    const publisher = dialect.publisher({ batch: 1, payloadBytes }, { ready: oneIsReady, acknowledged: () => {} });
    line.speak(publisher);
  });
}

function pace({ messages, messagesPerSecond }: LatencyTask, publish: (dueMs: number) => void): void {
  const everyMs = 1_000 / messagesPerSecond;
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (let dueMs = startMs + sent * everyMs; sent < messages && dueMs <= performance.now(); dueMs += everyMs) {
      publish(dueMs);
      sent += 1;
    }
    if (sent === messages) clearInterval(timer);
  }, everyMs / 2);
}

function stamped(payloadBytes: number, ms: number): Buffer {
  const payload = Buffer.alloc(payloadBytes, 'x');
  payload.writeDoubleBE(ms, 0);
  return payload;
}
