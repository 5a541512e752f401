import { describe, expect, it, onTestFinished } from 'vitest';
import SoupInputActor from '../../../actors/inputs/soup-input.js';
import { ProtocolError } from '../../../protocol/index.js';
import { binLogin, SoupClient } from '../../support/soup-client.js';
import { startSystem } from '../actor-system.js';
import { ServerWithInputs } from './server.js';

async function loggedIn(port: number, login = binLogin(1)): Promise<SoupClient> {
  const client = await SoupClient.loggedIn(port, 'binary', login);
  onTestFinished(() => client.destroy());
  return client;
}

describe('what Soup clients send', () => {
  it('is published to the source of the input, in order, and comes back to those who read it', async () => {
    const inputs = [{ kind: 'soup', name: 'orders' }];
    const server = await ServerWithInputs.start(inputs, { soupPort: 0 });
    const client = await loggedIn(server.soupPort!);
    const texts = Array.from({ length: 100 }, (_, index) => `order ${index + 1}`);
    for (const text of texts) client.send('U', text);
    await client.reached(100);
    expect(client.texts).toEqual(texts);
    expect(await server.texts(100)).toEqual(texts);
    expect(await server.input('orders', ({ messages }) => messages === 100)).toMatchObject({
      kind: 'soup',
      state: 'reading',
    });
  });

  it('may go to another source than the one they read', async () => {
    const inputs = [{ kind: 'soup', name: 'orders', source: 'orders' }];
    const config = { soupPort: 0, soupSource: 'quotes', sources: ['main', 'orders', 'quotes'] };
    const server = await ServerWithInputs.start(inputs, config);
    const client = await loggedIn(server.soupPort!);
    client.send('U', 'buy');
    expect(await server.texts(1, { source: 'orders' })).toEqual(['buy']);
    const quotes = await server.publisherOf('quotes');
    await quotes.publish(Buffer.from('1.5'));
    await client.reached(1);
    expect(client.texts).toEqual(['1.5']);
  });

  it('is in the next session when it comes behind a roll', async () => {
    const server = await ServerWithInputs.start([{ kind: 'soup', name: 'orders' }], { soupPort: 0 });
    const client = await loggedIn(server.soupPort!);
    client.send('U', 'before');
    await client.reached(1);
    const { ended, opened } = await server.client.roll({ reason: 'enough' });
    await client.take('Z');
    const next = await loggedIn(server.soupPort!);
    next.send('U', 'behind');
    expect(await server.texts(1, { session: opened.session })).toEqual(['behind']);
    expect(await server.texts(1, { session: ended!.session })).toEqual(['before']);
  });

  it('is refused where no input takes it', async () => {
    const server = await ServerWithInputs.start([], { soupPort: 0 });
    const client = await loggedIn(server.soupPort!);
    client.send('U', 'buy');
    expect(await client.debug()).toContain('ERR_NOT_A_PUBLISHER');
    client.send('U', 'sell');
    expect(await client.debug(), 'the connection goes on').toContain('ERR_NOT_A_PUBLISHER');
  });
});

describe('an input for Soup clients', () => {
  const sender = { user: '', remote: 'here' };
  const payload = Buffer.from('x');

  async function start(outcomes: (Error | undefined)[]) {
    const published: string[] = [];
    const session = {
      ask: async (_topic: string, { payloads }: { payloads: Buffer[] }) => {
        const error = outcomes.shift();
        if (error) throw error;
        published.push(String(payloads[0]));
        return { session: 's', firstSeq: 1, count: 1 };
      },
    };
    const system = await startSystem();
    const parameters = { config: { kind: 'soup', name: 'orders', source: 'main' }, fed: { session: () => session } };
    const input = await system.spawn({ actor: SoupInputActor }, { name: 'orders', parameters: parameters as never });
    const opened = await input.ask('open', {}, { timeoutMs: 10_000 });
    const take = () => opened.take(payload, sender);
    return { input, take, published };
  }

  it('waits for what passes, and says so', async () => {
    const busy = ['ERR_STORAGE_UNAVAILABLE', 'ERR_NOT_WRITTEN', 'ERR_DISK_FULL'] as const;
    const { take, input, published } = await start(busy.map((code) => new ProtocolError(code, `it is ${code}`)));
    const taken = take();
    const seen: string[] = [];
    while (published.length === 0) {
      const { state, problem } = await input.ask('inspect', {}, { timeoutMs: 1_000 });
      if (problem !== seen.at(-1)) seen.push(problem);
      if (problem !== '') expect(state).toBe('waiting');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await taken;
    expect(seen).toContain('it is ERR_DISK_FULL');
    expect(await input.ask('inspect', {}, { timeoutMs: 1_000 })).toMatchObject({ state: 'reading', messages: 1 });
  });

  it('does not try again what may have been written', async () => {
    const { take, published } = await start([new ProtocolError('ERR_OUTCOME_UNKNOWN', 'nobody knows')]);
    await expect(take()).rejects.toMatchObject({ code: 'ERR_OUTCOME_UNKNOWN' });
    expect(published).toEqual([]);
    await take();
    expect(published).toEqual(['x']);
  });

  it('lets a thousand packets wait and refuses more, and tells those that wait when it stops', async () => {
    const { take, input } = await start(Array.from({ length: 100_000 }, () => new ProtocolError('ERR_BUSY', 'busy')));
    const outcomes: string[] = [];
    const waiting = Array.from({ length: 1_000 }, () => take().catch(({ code }) => outcomes.push(code)));
    await expect(take()).rejects.toMatchObject({ code: 'ERR_BUSY', message: '1000 packets wait already' });
    await input.stop();
    await Promise.all(waiting);
    expect(new Set(outcomes)).toEqual(new Set(['ERR_SHUTTING_DOWN']));
    expect(outcomes).toHaveLength(1_000);
    await expect(take()).rejects.toMatchObject({ code: 'ERR_SHUTTING_DOWN' });
  });
});
