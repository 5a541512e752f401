import { expect } from 'vitest';
import { Follower } from './follower.js';
import type { GoBackNPublisher } from './go-back-n-publisher.js';
import { RawClient } from './raw-client.js';

/** The texts of the active session, 1 to its last durable number at this moment. */
export async function readLog(port: number): Promise<string[]> {
  const client = await RawClient.connect(port);
  const { lastSeq } = (await client.sessions()).find(({ state }) => state === 'active')!;
  client.cut();
  if (lastSeq === 0) return [];
  const follower = await Follower.start({ port, from: 1, name: 'reader' });
  try {
    await follower.reached(lastSeq);
    expect(follower.lost).toEqual([]);
    return follower.texts.slice(0, lastSeq);
  } finally {
    follower.stop();
  }
}

/**
 * What a log must be when everything a publisher has sent was acknowledged: each message once, in order, and where its
 * receipt says.
 * @param log texts of the whole log, which may hold those of other publishers
 */
export function expectExactlyOnce(log: readonly string[], publisher: GoBackNPublisher, id: string): void {
  const own = log.filter((text) => text.startsWith(`${id}/`));
  const sent: string[] = [];
  for (let number = 1; number <= publisher.settled; number += 1) sent.push(...publisher.texts(number));
  const wrong = own.findIndex((text, index) => text !== sent[index]);
  expect(wrong, `message ${wrong + 1} of ${id} is ${own[wrong]}, not ${sent[wrong]}`).toBe(-1);
  expect(own.length).toBe(sent.length);
  for (const [seq, text] of publisher.acknowledgedTexts()) {
    if (log[seq - 1] !== text) expect.fail(`${text} was acknowledged as ${seq}, where ${log[seq - 1]} is`);
  }
}
