import { describe, expect, it } from 'vitest';
import { Inbox } from '../../client/inbox.js';
import { MessageBlock } from '../../client/message-block.js';
import { raw } from '../../client/values.js';
import { readBlockHeader, sealBlock } from '../../protocol/index.js';
import { turn } from '../support/deadline.js';
import { texts } from '../support/payloads.js';

function openInbox() {
  const inbox = new Inbox<Uint8Array>({ held: () => {}, drained: () => {}, waiting: () => {}, broken: () => {} });
  const seen: string[] = [];
  const notice = (name: string) => inbox.notify(() => seen.push(name));
  const push = (firstSeq: number, ...values: string[]) => {
    const frame = sealBlock(1, firstSeq, 0, [texts(...values)]);
    inbox.push(new MessageBlock(frame, { ...readBlockHeader(frame), session: 's', epoch: 'e' }, raw));
  };
  const consume = async () => {
    for (;;) {
      const { value } = await inbox.next();
      if (!value) return seen.push('end');
      seen.push(Buffer.from(value.payload).toString());
    }
  };
  return { inbox, seen, notice, push, consume };
}

describe('an inbox', () => {
  it('gives notice at once when nothing is in front of it', () => {
    const { seen, notice } = openInbox();
    notice('lost');
    expect(seen).toEqual(['lost']);
  });

  it('gives notice when the consumer has got that far', async () => {
    const { seen, notice, push, consume, inbox } = openInbox();
    push(1, 'a', 'b');
    notice('lost');
    push(5, 'c');
    notice('live');
    inbox.end();
    await consume();
    expect(seen).toEqual(['a', 'b', 'lost', 'c', 'live', 'end']);
  });

  it('gives notice behind the message that a waiting consumer is just being handed', async () => {
    const { seen, notice, push, consume, inbox } = openInbox();
    const consumed = consume();
    push(1, 'a');
    notice('lost');
    push(5, 'b');
    notice('live');
    await turn();
    expect(seen).toEqual(['a', 'lost', 'b', 'live']);
    inbox.end();
    await consumed;
    expect(seen[4]).toBe('end');
  });

  it('gives notice to a consumer that does not come back for more', async () => {
    const { inbox, seen, notice, push } = openInbox();
    const next = inbox.next().then(({ value }) => seen.push(Buffer.from(value!.payload).toString()));
    push(1, 'a');
    notice('live');
    await next;
    await turn();
    expect(seen).toEqual(['a', 'live']);
  });
});
