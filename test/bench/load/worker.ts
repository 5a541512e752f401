import { type FollowTask, follow } from './follow.js';
import { type JoinTask, join } from './join.js';
import { type LatencyTask, latency } from './latency.js';
import { type PublishTask, publish } from './publish.js';
import { type ReadTask, read } from './read.js';
import { type RewindTask, rewind } from './rewind.js';
import { type StallTask, stall } from './stall.js';

/** What a load process is told. */
export type WorkerOrder =
  | { kind: 'follow'; task: FollowTask }
  | { kind: 'publish'; task: PublishTask }
  | { kind: 'latency'; task: LatencyTask }
  | { kind: 'rewind'; task: RewindTask }
  | { kind: 'join'; task: JoinTask }
  | { kind: 'stall'; task: StallTask }
  | { kind: 'read'; task: ReadTask };

process.once('message', async (order: WorkerOrder) => {
  const report = await perform(order);
  process.send!({ report }, () => process.exit(0));
});
process.once('disconnect', () => process.exit(1));

function perform({ kind, task }: WorkerOrder): Promise<object> {
  const ready = () => process.send!({ ready: true });
  switch (kind) {
    case 'follow':
      return follow(task, ready);
    case 'publish':
      return publish(task);
    case 'latency':
      return latency(task, ready);
    case 'rewind':
      return rewind(task, ready, new Promise((resolve) => process.once('message', () => resolve())));
    case 'join':
      return join(task);
    case 'stall':
      return stall(task, ready);
    case 'read':
      return read(task);
  }
}
