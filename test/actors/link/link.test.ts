import { describe, expect, it } from 'vitest';
import { Link, type LinkHandlers, type LinkMessage } from '../../../actors/link/link.js';
import { ProtocolError } from '../../../protocol/index.js';
import { turn, until } from '../../support/deadline.js';
import { blockOf, socketPair } from '../support.js';

/** Two links to each other; the far one does what it is told. */
async function linked(handlers: Partial<LinkHandlers> = {}) {
  const { near, far } = await socketPair();
  const notices: LinkMessage[] = [];
  const closed: string[] = [];
  near.resume();
  const farLink = new Link(far, {
    call: () => new Promise(() => {}),
    notice: (message) => notices.push(message),
    closed: () => closed.push('far'),
    ...handlers,
  });
  const link = new Link(near, {
    call: () => Promise.reject(new Error('nothing to call here')),
    notice: () => {},
    closed: () => closed.push('near'),
  });
  return { link, farLink, near, far, notices, closed };
}

describe('a link between two processes', () => {
  it('answers calls with fields and blocks', async () => {
    const { link } = await linked({
      call: async ({ topic, fields, blocks }) => ({ fields: { topic, ...fields }, blocks: [...blocks].reverse() }),
    });
    const blocks = [blockOf(1, 3), blockOf(4, 1)];
    const { fields, blocks: answered } = await link.call('read', { log: 7, from: 2 ** 53 - 1 }, blocks);
    expect(fields).toEqual({ topic: 'read', log: 7, from: 2 ** 53 - 1 });
    expect(answered).toEqual([blocks[1], blocks[0]]);
  });

  it('answers each call with its own answer, in whatever order they come', async () => {
    const answers: (() => void)[] = [];
    const { link } = await linked({
      call: ({ fields }) => new Promise((resolve) => answers.push(() => resolve({ fields }))),
    });
    const calls = [1, 2, 3].map((number) => link.call('ask', { number }));
    await until(() => answers.length === 3, 'three calls');
    for (const answer of answers.reverse()) answer();
    expect((await Promise.all(calls)).map(({ fields }) => fields.number)).toEqual([1, 2, 3]);
  });

  it('brings notices and their blocks in the order in which they were sent, however they are cut', async () => {
    const { near, notices } = await linked();
    const bytes: Buffer[] = [];
    const recorder = { on: () => {}, cork: () => {}, uncork: () => {}, write: (chunk: Buffer) => bytes.push(chunk) };
    const sender = new Link(recorder as never, { call: () => Promise.reject(), notice: () => {}, closed: () => {} });
    sender.notify('blocks', { log: 1 }, [blockOf(1, 2), blockOf(3, 1)]);
    sender.notify('empty', {});
    sender.notify('blocks', { log: 2 }, [blockOf(4, 1)]);
    for (const byte of Buffer.concat(bytes)) near.write(Buffer.of(byte));
    await until(() => notices.length === 3, 'three notices');
    expect(notices.map(({ topic, fields, blocks }) => [topic, fields, blocks])).toEqual([
      ['blocks', { log: 1 }, [blockOf(1, 2), blockOf(3, 1)]],
      ['empty', {}, []],
      ['blocks', { log: 2 }, [blockOf(4, 1)]],
    ]);
  });

  it('brings a protocol error back as one', async () => {
    const { link } = await linked({ call: () => Promise.reject(new ProtocolError('ERR_UNKNOWN_SESSION', 'no x')) });
    const error = await link.call('findSession', {}).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_SESSION', message: 'no x', remedy: 'never' });
  });

  it('brings any other error back with its message and its code', async () => {
    const { link } = await linked({ call: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) });
    await expect(link.call('read', {})).rejects.toMatchObject({ message: 'full', code: 'ENOSPC' });
  });

  it('rejects the calls under way when it closes, and those that come after', async () => {
    const { link, farLink, closed } = await linked();
    const calls = [link.call('ask', {}), link.call('ask', {})];
    await turn();
    farLink.close();
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(link.call('ask', {})).rejects.toThrow();
    link.notify('lost', {});
    await until(() => closed.length === 2, 'both ends to know');
    expect([...closed].sort()).toEqual(['far', 'near']);
  });

  it('tells once that the other side has gone, also when it is cut', async () => {
    const { near, far, closed } = await linked();
    far.resetAndDestroy();
    await until(() => closed.length === 2, 'both ends to know');
    near.destroy();
    await turn();
    expect([...closed].sort()).toEqual(['far', 'near']);
  });

  it('is closed by something that is not a message', async () => {
    const { near, closed } = await linked();
    near.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]));
    await until(() => closed.length === 2, 'both ends to know');
  });

  it('is closed when a notice cannot be taken', async () => {
    const { link, closed } = await linked({
      notice: () => {
        throw new Error('no such notice');
      },
    });
    link.notify('unheard of', {});
    await until(() => closed.length === 2, 'both ends to know');
  });

  it('knows what the other side has not taken, and is told when it has', async () => {
    let drained = 0;
    const { near, far } = await socketPair();
    const handlers = { call: () => Promise.reject(), notice: () => {}, closed: () => {} };
    const link = new Link(near, { ...handlers, drained: () => (drained += 1) });
    const blocks = Array.from({ length: 100 }, (_, index) => blockOf(1 + index * 100, 100));
    await until(() => {
      link.notify('blocks', {}, blocks);
      return link.queuedBytes > 1024 * 1024;
    }, 'a queue');
    const before = drained;
    far.resume();
    await until(() => drained > before, 'the queue to drain');
    expect(link.queuedBytes).toBe(0);
  });
});
