import { Redis } from 'ioredis';
import { channel } from '../../dialects/resp.js';
import type { LibraryReader } from './library.js';

/** Entries asked for at a time: more made no difference. */
const entriesAtOnce = 1_000;

type Entry = [id: Buffer, fields: Buffer[]];

/** XREAD from the id of the last entry read; payloads as bytes. */
export const readStream: LibraryReader = async ({ port, messages }, take) => {
  const redis = new Redis({ port, host: '127.0.0.1' });
  let lastId: string | Buffer = '0';
  for (let received = 0; received < messages; ) {
    const streams = await redis.xreadBuffer('COUNT', entriesAtOnce, 'STREAMS', channel, lastId);
    const entries: Entry[] = streams![0]![1];
    for (const [, [, payload]] of entries) take(payload!);
    received += entries.length;
    lastId = entries[entries.length - 1]![0];
  }
  redis.disconnect();
};
