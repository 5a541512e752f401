import { expect, it } from 'vitest';
import { Link } from '../../actors/link/link.js';
import { socketPair } from '../actors/support.js';
import { until } from '../support/deadline.js';

it('tells of what a handler throws at a notice before it closes the link', async () => {
  const { near, far } = await socketPair();
  near.resume();
  far.resume();
  const heard: string[] = [];
  const nothing = { call: () => Promise.reject(new Error('nothing to call here')), notice: () => {}, closed: () => {} };
  new Link(far, {
    ...nothing,
    notice: ({ topic }) => {
      throw new Error(`a bug in ${topic}`);
    },
    broken: (error) => heard.push(error.message),
    closed: () => heard.push('closed'),
  });
  new Link(near, nothing).notify('publish', {});
  await until(() => heard.length === 2, 'the end of the link');
  expect(heard).toEqual(['a bug in publish', 'closed']);
});
