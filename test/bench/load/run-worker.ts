import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FollowOrder, FollowReport } from './follow.js';
import type { PublishOrder, PublishReport } from './publish.js';
import type { WorkerOrder } from './worker.js';

const worker = fileURLToPath(new URL('./worker.js', import.meta.url));

/** Subscribers in a process of their own. */
export function followers(order: FollowOrder): { ready: Promise<void>; report: Promise<FollowReport> } {
  return run({ task: 'follow', order });
}

/** A publisher in a process of its own. */
export function publisher(order: PublishOrder): Promise<PublishReport> {
  return run<PublishReport>({ task: 'publish', order }).report;
}

function run<Report>(message: WorkerOrder): { ready: Promise<void>; report: Promise<Report> } {
  const child = fork(worker);
  let resolveReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    resolveReady = resolve;
  });
  const report = new Promise<Report>((resolve, reject) => {
    child.on('message', (answer: { ready?: true; report?: Report }) => {
      if (answer.ready) resolveReady();
      if (answer.report) resolve(answer.report);
    });
    child.once('exit', (code) => reject(new Error(`load process ended with ${code}`)));
  });
  child.send(message);
  return { ready, report };
}
