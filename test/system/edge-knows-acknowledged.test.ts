import { expect, test } from 'vitest';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { inspect } from './support/inspection.js';
import { RawClient } from './support/raw-client.js';

const arena = useArena();
const rounds = 500;

test('an edge never answers ERR_BEYOND_NEXT to the number behind one that was just acknowledged on the other edge', async () => {
  const { port } = await arena.start({ placement: 'edges' });
  let onAcknowledged = (_nextSeq: number) => {};
  const publisher = await RawClient.connect(
    port,
    { publisher: 'p' },
    {
      message: (message) => {
        if (message.type !== 'ACKNOWLEDGED') return;
        const [, publishes, firstSeq, count] = message.runs[0]!;
        onAcknowledged(firstSeq + publishes * count);
      },
    },
  );
  let onText = (_text: string) => {};
  const subscriber = await RawClient.connect(
    port,
    {},
    {
      block: ({ payloads }) => {
        for (const payload of payloads()) onText(payload.toString());
      },
    },
  );
  expect((await inspect(port)).edges.map(({ connections }) => connections).sort()).toEqual([1, 2]);

  for (let round = 1; round <= rounds; round += 1) {
    const acknowledged = new Promise<number>((resolve) => {
      onAcknowledged = resolve;
    });
    publisher.publish(round, [Buffer.from(`${round} a`), Buffer.from(`${round} b`)]);
    const nextSeq = await within(acknowledged, 'the acknowledgement');
    expect(nextSeq).toBe(2 * round + 1);
    // Every other time what was acknowledged is asked for, and must come.
    const from = round % 2 === 0 ? nextSeq : nextSeq - 1;
    const text = new Promise<string>((resolve) => {
      onText = resolve;
    });
    const answer = await subscriber.subscribe({ from });
    expect(answer).toMatchObject({ type: 'SUBSCRIBED', from, lastSeq: nextSeq - 1 });
    if (from < nextSeq) expect(await within(text, 'the message')).toBe(`${round} b`);
    if (answer.type === 'SUBSCRIBED') await subscriber.unsubscribe(answer.log);
  }
});
