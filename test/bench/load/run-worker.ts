import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '../../support/deadline.js';
import type { FollowReport, FollowTask } from './follow.js';
import type { JoinReport, JoinTask } from './join.js';
import type { LatencyReport, LatencyTask } from './latency.js';
import type { PublishReport, PublishTask } from './publish.js';
import type { ReadReport, ReadTask } from './read.js';
import type { RewindReport, RewindTask } from './rewind.js';
import type { StallTask } from './stall.js';
import type { WorkerOrder } from './worker.js';

const worker = fileURLToPath(new URL('./worker.js', import.meta.url));
const deadlineMs = 120_000;

/** A load process at work. Both promises reject when it ends early, or takes too long. */
export interface Work<Report> {
  /** All are subscribed; publishers do not tell. */
  ready: Promise<void>;
  report: Promise<Report>;
  /** Enough: the report is made of what has been done. Only those that rewind heed it. */
  stop(): void;
  /** End it at once, as if it had crashed; there is no report. */
  kill(): void;
}

/** Followers in a process of their own. */
export function followers(task: FollowTask): Work<FollowReport> {
  return run({ kind: 'follow', task });
}

/** Publishers in a process of their own. */
export function publishers(task: PublishTask): Promise<PublishReport> {
  return run<PublishReport>({ kind: 'publish', task }).report;
}

/** A publisher and its followers in a process of their own. */
export function pacedPublisher(task: LatencyTask): Work<LatencyReport> {
  return run({ kind: 'latency', task });
}

/** Late joiners in a process of their own. */
export function rewinders(task: RewindTask): Work<RewindReport> {
  return run({ kind: 'rewind', task });
}

/** One who joins again and again, in a process of its own. */
export function joiner(task: JoinTask): Promise<JoinReport> {
  return run<JoinReport>({ kind: 'join', task }).report;
}

/** A program that reads through a client library. */
export function libraryReader(task: ReadTask): Promise<ReadReport> {
  return run<ReadReport>({ kind: 'read', task }).report;
}

/** Followers that stop reading, in a process of their own. They are ready when all have stopped. */
export function stalledFollowers(task: StallTask): Work<never> {
  return run({ kind: 'stall', task });
}

function run<Report>(order: WorkerOrder): Work<Report> {
  const child = fork(worker, { serialization: 'advanced' });
  let resolveReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    resolveReady = resolve;
  });
  const report = new Promise<Report>((resolve, reject) => {
    child.on('message', (answer: { ready?: true; report?: Report }) => {
      if (answer.ready) resolveReady();
      if (answer.report) resolve(answer.report);
    });
    child.once('exit', (code) => reject(new Error(`the load process to ${order.kind} ended with ${code}`)));
  });
  const inTime = within(report, `the load process to ${order.kind}`, deadlineMs).finally(() => child.kill());
  child.send(order);
  const readyInTime = Promise.race([ready, inTime.then(() => {})]);
  // Not everybody waits for it; the report says the same.
  readyInTime.catch(() => {});
  return {
    ready: readyInTime,
    report: inTime,
    stop: () => child.send({ stop: true }),
    kill: () => {
      inTime.catch(() => {});
      child.kill('SIGKILL');
    },
  };
}
