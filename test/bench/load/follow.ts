import type { DialectName, Follower } from '../dialects/dialect.js';
import { dialects } from '../dialects/index.js';
import { machineMs } from './clock.js';
import { Line } from './line.js';

/** Connections that are made at the same time: servers bound how many may be waiting for their login. */
const connectingMax = 250;

/** What a group of followers is to do. */
export interface FollowTask {
  dialect: DialectName;
  port: number;
  followers: number;
  /** First message wanted; absent is live only. */
  from?: number;
  /** Messages each of them is to get. */
  messages: number;
  payloadBytes: number;
  /** Another stream, to which nobody publishes. */
  elsewhere?: true;
}

/** What the group saw. */
export interface FollowReport {
  /** Messages received by all of them together. */
  messages: number;
  /** When the first message of any of them arrived, and the last of all. */
  startedMs: number;
  endedMs: number;
  /** Followers that fell behind the live stream at least once, and came back. */
  fellBehind: number;
}

/**
 * Follow on many connections until each has its messages, and exactly those.
 * @param ready called when all of them are subscribed
 */
export function follow(task: FollowTask, ready: () => void): Promise<FollowReport> {
  return new Promise((resolve) => {
    const followers: Follower[] = [];
    let begun = 0;
    let waiting = task.followers;
    let running = task.followers;
    let startedMs = 0;
    const oneIsReady = () => {
      waiting -= 1;
      if (waiting === 0) ready();
      if (begun < task.followers) start();
    };
    const oneIsDone = () => {
      running -= 1;
      if (running > 0) return;
      const fellBehind = followers.filter((follower) => follower.fellBehind > 0).length;
      resolve({ messages: task.messages * task.followers, startedMs, endedMs: machineMs(), fellBehind });
    };
    const start = () => {
      begun += 1;
      const line = new Line(task.port);
      const follower = dialects[task.dialect].follower(task, { ready: oneIsReady }, (bytes) => line.write(bytes));
      let isDone = false;
      line.speak(follower, () => {
        if (startedMs === 0 && follower.messages > 0) startedMs = machineMs();
        if (follower.messages > task.messages) throw new Error(`${follower.messages} of ${task.messages} messages`);
        if (isDone || follower.messages < task.messages || !follower.isWhole) return;
        isDone = true;
        oneIsDone();
      });
      followers.push(follower);
    };
    while (begun < Math.min(task.followers, connectingMax)) start();
  });
}
