import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Contender } from '../contenders/contender.js';
import { latecomerDisk } from '../contenders/latecomer.js';
import { natsJetStream } from '../contenders/nats.js';
import { redisStreams } from '../contenders/redis.js';
import type { LibraryName } from '../load/libraries/library.js';
import { libraryReader, publishers } from '../load/run-worker.js';
import { expectCount, perSecond, type Row, rowOf, type Scenario, type Sized } from './scenario.js';

const payloadBytes = 100;
const batch = 500;

const names = {
  blocks: 'latecomer/client, block by block',
  messages: 'latecomer/client, message by message',
  nats: '@nats-io/jetstream, ordered consumer with a callback',
  redis: 'ioredis, XREAD of 1000 entries',
};

/** The client libraries end to end: what a program is handed that reads everything there is. */
export const clientLibraries: Scenario = {
  name: 'client-library',
  title: 'Client libraries: catch-up in one Node.js process, each payload handed to the caller',
  figures: [{ name: 'received', unit: 'messages/s' }],
  rows: [
    library(names.blocks, 'latecomer-blocks', latecomerDisk, { quick: 50_000, full: 2_000_000 }),
    library(names.messages, 'latecomer', latecomerDisk, { quick: 50_000, full: 2_000_000 }),
    library(names.nats, 'nats', natsJetStream, { quick: 10_000, full: 500_000 }, '@nats-io/jetstream'),
    library(names.redis, 'ioredis', redisStreams, { quick: 10_000, full: 500_000 }, 'ioredis'),
  ],
  targets: [names.blocks, names.messages].map((row) => ({ figure: 'received', row, against: names.nats, atLeast: 5 })),
};

/** @param packageName the library's package, where it is not ours */
function library(name: string, library: LibraryName, contender: Contender, sizes: Sized, packageName?: string): Row {
  const row = rowOf(
    contender,
    async ({ port }, size) => {
      const publishes = Math.ceil(sizes[size] / batch);
      const { dialect } = contender;
      await publishers({ dialect, port, publishers: 1, publishes, batch, payloadBytes, inFlight: 1 });
      const messages = publishes * batch;
      const report = await libraryReader({ library, port, messages, payloadBytes });
      expectCount(report.messages, messages);
      return { numbers: { received: perSecond(messages, report.endedMs - report.startedMs) } };
    },
    name,
  );
  return { ...row, version: () => versions(contender, packageName) };
}

function versions(contender: Contender, packageName: string | undefined): string | undefined {
  const server = contender.version();
  if (server === undefined || packageName === undefined) return server;
  const entry = createRequire(import.meta.url).resolve(packageName);
  const root = entry.slice(0, entry.lastIndexOf(packageName) + packageName.length);
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string };
  return `${server}, ${packageName} ${version}`;
}
