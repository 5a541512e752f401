import { type FollowOrder, follow } from './follow.js';
import { type PublishOrder, publish } from './publish.js';

/** What a load process is told. */
export type WorkerOrder = { task: 'follow'; order: FollowOrder } | { task: 'publish'; order: PublishOrder };

process.once('message', async (message: WorkerOrder) => {
  const report =
    message.task === 'follow'
      ? await follow(message.order, () => process.send!({ ready: true }))
      : await publish(message.order);
  process.send!({ report }, () => process.exit(0));
});
process.once('disconnect', () => process.exit(1));
