import soupbintcp from 'soupbintcp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ServerWithInputs } from '../actors/inputs/server.js';
import { until } from '../support/deadline.js';

/** A market-data client that counts what it gets, as the protocol has it do. */
class MarketDataClient {
  session = '';
  /** Number of the message that comes next. */
  next = 0;
  readonly texts: string[] = [];
  rejected = '';
  /** The session has ended. */
  over = false;
  /** The server has closed the connection. */
  ended = false;
  readonly client: soupbintcp.Client;

  constructor(port: number, { from = 1, session = '', user = '', password = '' } = {}) {
    this.client = new soupbintcp.Client({ host: '127.0.0.1', port });
    onTestFinished(() => this.client.end());
    this.client.on('accept', ({ session, sequenceNumber }) => {
      this.session = session.trim();
      this.next = sequenceNumber;
    });
    this.client.on('reject', ({ rejectReasonCode }) => {
      this.rejected = rejectReasonCode;
    });
    this.client.on('message', (payload) => {
      this.texts.push(payload.toString());
      this.next += 1;
    });
    this.client.on('ending', () => {
      this.over = true;
    });
    this.client.on('end', () => {
      this.ended = true;
    });
    this.client.login({ username: user, password, requestedSession: session, requestedSequenceNumber: from });
  }

  reached(seq: number): Promise<void> {
    return until(() => this.next > seq, `message ${seq} at the client`);
  }
}

const start = (inputs: object[] = [], more: object = {}) => ServerWithInputs.start(inputs, { soupPort: 0, ...more });
const textsFrom = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `message ${first + index}`);
const publish = ({ client }: ServerWithInputs, first: number, last: number) =>
  client.publish(textsFrom(first, last).map((text) => Buffer.from(text)));

describe('a SoupBinTCP client that others have written', () => {
  it('rewinds from the first message into the live stream, and resumes where it was', async () => {
    const server = await start();
    const { session } = await publish(server, 1, 3_000);
    const first = new MarketDataClient(server.soupPort!);
    await first.reached(3_000);
    await publish(server, 3_001, 3_500);
    await first.reached(3_500);
    expect([first.session, first.texts]).toEqual([session, textsFrom(1, 3_500)]);
    first.client.end();
    await publish(server, 3_501, 4_000);
    const second = new MarketDataClient(server.soupPort!, { from: first.next, session });
    await second.reached(4_000);
    expect(second.texts).toEqual(textsFrom(3_501, 4_000));
  });

  it('is told of the end of its session, and gets the next one when it names none', async () => {
    const server = await start();
    const { session } = await publish(server, 1, 10);
    const client = new MarketDataClient(server.soupPort!, { from: 4 });
    await client.reached(10);
    const { opened } = await server.client.roll({ reason: 'end of day' });
    await until(() => client.over && client.ended, 'the end of the session');
    expect([client.session, client.texts]).toEqual([session, textsFrom(4, 10)]);
    const next = new MarketDataClient(server.soupPort!);
    await publish(server, 1, 2);
    await next.reached(2);
    expect([next.session, next.texts]).toEqual([opened.session, textsFrom(1, 2)]);
  });

  it('sends orders to an input, and reads them back in the order it sent them', async () => {
    const server = await start([{ kind: 'soup', name: 'orders' }]);
    const client = new MarketDataClient(server.soupPort!);
    await until(() => client.session !== '', 'the login to be accepted');
    for (const text of textsFrom(1, 200)) client.client.send(Buffer.from(text));
    await client.reached(200);
    expect(client.texts).toEqual(textsFrom(1, 200));
    client.client.logout();
    await until(() => client.ended, 'the end of the connection');
  });

  it('is rejected with A for a wrong password, and with S for a session there is not', async () => {
    const server = await start([], { soupUser: 'alice', soupPassword: 'secret' });
    const alice = { user: 'alice', password: 'secret' };
    const wrong = new MarketDataClient(server.soupPort!, { user: 'alice', password: 'guess' });
    const unknown = new MarketDataClient(server.soupPort!, { ...alice, session: '1999123101' });
    const right = new MarketDataClient(server.soupPort!, alice);
    await until(() => wrong.ended && unknown.ended && right.next === 1, 'three answers');
    expect([wrong.rejected, unknown.rejected, right.rejected]).toEqual(['A', 'S', '']);
  });
});
