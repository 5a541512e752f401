import { type FollowTask, follow } from './follow.js';
import { type LatencyTask, latency } from './latency.js';
import { type PublishTask, publish } from './publish.js';

/** What a load process is told. */
export type WorkerOrder =
  | { kind: 'follow'; task: FollowTask }
  | { kind: 'publish'; task: PublishTask }
  | { kind: 'latency'; task: LatencyTask };

process.once('message', async (order: WorkerOrder) => {
  const report = await perform(order);
  process.send!({ report }, () => process.exit(0));
});
process.once('disconnect', () => process.exit(1));

function perform(order: WorkerOrder): Promise<object> {
  if (order.kind === 'follow') return follow(order.task, () => process.send!({ ready: true }));
  if (order.kind === 'publish') return publish(order.task);
  return latency(order.task);
}
