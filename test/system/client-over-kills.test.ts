import { expect, test } from 'vitest';
import { type Acknowledgement, type Client, connect, json, type Message, type Values } from '../../client/index.js';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { edgeOf, forksOf, hasSubscriptionOf, inspectUntil } from './support/inspection.js';
import { signal } from './support/processes.js';

const arena = useArena();
/** Fewer than the early deaths after which a supervisor gives up. */
const kills = 5;

interface Text {
  text: string;
}

/** A reader of a client's subscription, with what it has read. */
class Reader {
  readonly messages: Message<Text>[] = [];
  #wake = () => {};
  #ended: Promise<void>;

  constructor(client: Client<Text>) {
    const subscription = client.subscribe({ from: 1 });
    this.#ended = (async () => {
      for await (const message of subscription) {
        this.messages.push(message);
        this.#wake();
      }
    })();
  }

  async reached(count: number): Promise<void> {
    const reading = async () => {
      while (this.messages.length < count) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    await within(Promise.race([reading(), this.#ended]), `message ${count}`);
  }
}

test('the client library publishes and reads without gap or duplicate while main and edges are killed under it', async () => {
  const server = await arena.start({ placement: 'edges', supervised: true });
  const { port } = server;
  const open = async (name: string) => {
    const client = await connect({ port, name, values: json as Values<Text>, reconnect: { maxMs: 200 } });
    arena.defer(() => client.close());
    return client;
  };
  const publisher = await open('publisher');
  const readers = [new Reader(await open('one')), new Reader(await open('two'))];

  const acknowledged: Promise<Acknowledgement>[] = [];
  let published = 0;
  const publishTo = async (count: number) => {
    while (published < count) {
      published += 1;
      acknowledged.push(publisher.publish({ text: `message ${published}` }));
      await publisher.room();
    }
  };
  for (let kill = 1; kill <= kills; kill += 1) {
    await publishTo(kill * 400);
    // While the newest of them are under way.
    await within(acknowledged[kill * 400 - 300]!, 'an acknowledgement');
    const state = await inspectUntil(
      port,
      (found) => forksOf(found).length === 2 && hasSubscriptionOf(found, 'one'),
      'two edges',
    );
    signal(kill % 2 === 0 ? edgeOf(state, 'one').pid : state.pid, 'SIGKILL');
  }
  await publishTo((kills + 1) * 400);
  const positions = await within(Promise.all(acknowledged), 'all acknowledgements');

  for (const reader of readers) {
    await reader.reached(published);
    expect(reader.messages.map(({ seq }) => seq)).toEqual(positions.map((_, index) => index + 1));
    expect(reader.messages.map(({ payload }) => payload.text)).toEqual(
      positions.map((_, index) => `message ${index + 1}`),
    );
  }
  expect(positions.map(({ firstSeq }) => firstSeq)).toEqual(positions.map((_, index) => index + 1));
  expect(server.child.exitCode).toBe(null);
});
