import { expect, it } from 'vitest';
import { Stage } from '../actors/requests-stage.js';
import { until } from '../support/deadline.js';

it('lets go of a publisher that was taken over: across the data socket nobody else would', async () => {
  const stage = await Stage.start({ publisher: 'p' });
  stage.origin.owner!.takenOver();
  expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_PUBLISHER_TAKEN_OVER' });
  stage.client.destroy();
  await until(() => stage.origin.closedPublishers === 1, 'the end of the publisher');
});
