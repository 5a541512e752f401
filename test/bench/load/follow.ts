import { blockHeaderBytes, readBlockHeader } from '../../../protocol/index.js';
import { Wire } from '../../support/wire.js';
import { failOn } from './fail-on.js';

/** What a group of subscribers is to do. */
export interface FollowOrder {
  port: number;
  subscribers: number;
  /** First number wanted; absent is live only. */
  from?: number;
  /** Messages each of them is to get. */
  messages: number;
}

/** What the group saw. */
export interface FollowReport {
  messages: number;
  bytes: number;
  /** From the first byte of messages of any of them to the last of all. */
  elapsedMs: number;
}

/**
 * Subscribe with many connections and count until each has its messages, checking that no number is missing.
 * @param ready called when all of them are live, or rewinding
 */
export function follow({ port, subscribers, from, messages }: FollowOrder, ready: () => void): Promise<FollowReport> {
  return new Promise((resolve, reject) => {
    let waiting = subscribers;
    let running = subscribers;
    let bytes = 0;
    let startedMs = 0;
    for (let index = 0; index < subscribers; index += 1) {
      let next = 0;
      let got = 0;
      const request = { request: 1, ...(from !== undefined && { from }) };
      const connection = new Wire(
        port,
        { subscribe: request },
        {
          message: (message) => {
            failOn(message);
            if (message.type !== 'SUBSCRIBED') return;
            next = message.from;
            waiting -= 1;
            if (waiting === 0) ready();
          },
          block: (block) => {
            if (startedMs === 0) startedMs = performance.now();
            const { firstSeq, lastSeq, count } = readBlockHeader(block);
            if (firstSeq !== next) return reject(new Error(`expected ${next}, got ${firstSeq}`));
            next = lastSeq + 1;
            got += count;
            bytes += block.length - blockHeaderBytes;
            if (got < messages) return;
            connection.close();
            running -= 1;
            if (running > 0) return;
            resolve({ messages: messages * subscribers, bytes, elapsedMs: performance.now() - startedMs });
          },
        },
      );
    }
  });
}
