import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Durability, decodeServerMessage, FrameReader, limits } from '../../protocol/index.js';
import { within } from '../support/deadline.js';
import { useArena } from './support/arena.js';
import { signal } from './support/processes.js';
import { RawClient } from './support/raw-client.js';
import { bytesOf, canTrace, descriptor, readCalls, type SystemCall, traced } from './support/system-calls.js';

const arena = useArena();
const publishes = 100;
/** Twice in each message, because LevelDB's log may cut one in two. */
const marker = (number: number) => `<publish ${number}>`;

interface Acknowledgement {
  number: number;
  durability: Durability;
  begin: number;
}

/** Publish to a traced server, partly one by one and partly at once. @returns what it did, in order */
async function publishTraced(server: Durability, publisher: Durability): Promise<SystemCall[]> {
  const file = join(await arena.directory(), 'trace');
  const calls = ['accept4', 'openat', 'write', 'writev', 'sendmsg', 'pwrite64', 'fsync', 'fdatasync'];
  const process = await arena.start({
    flags: ['--durability', server],
    wrap: (command) => traced(command, calls, file),
  });
  let settled = 0;
  let wake = () => {};
  const login = { publisher: 'p', durability: publisher };
  const client = await RawClient.connect(process.port, login, {
    message: (message) => {
      if (message.type !== 'ACKNOWLEDGED') return;
      settled = message.number;
      wake();
    },
  });
  for (let number = 1; number <= publishes; number += 1) {
    client.publish(number, [Buffer.from(marker(number).repeat(2))]);
    const wanted = number <= publishes / 2 || number === publishes ? number : 0;
    while (settled < wanted) {
      const acknowledged = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await within(acknowledged, `acknowledgement ${wanted}`);
    }
  }
  const { pid } = await process.logLine(({ msg }) => msg === 'listening', 'the server to listen');
  signal(pid!, 'SIGTERM');
  await within(process.exited, 'the server to end');
  return await readCalls(file);
}

/** Every publish that was acknowledged to a client, with the write that told so. */
function acknowledgements(calls: readonly SystemCall[]): Acknowledgement[] {
  const readers = new Map<number, FrameReader>();
  const found: Acknowledgement[] = [];
  for (const call of calls) {
    if (call.name === 'accept4' && call.result >= 0) readers.set(call.result, new FrameReader(limits.frameBytesMax));
    const reader = /^(write|writev|sendmsg)$/.test(call.name) ? readers.get(descriptor(call)) : undefined;
    if (!reader) continue;
    reader.push(bytesOf(call));
    for (let frame = reader.take(); frame; frame = reader.take()) {
      const message = decodeServerMessage(frame);
      if (message.type !== 'ACKNOWLEDGED') continue;
      for (const [firstNumber, count] of message.runs) {
        for (let number = firstNumber; number < firstNumber + count; number += 1) {
          found.push({ number, durability: message.durability, begin: call.begin });
        }
      }
    }
  }
  return found;
}

/** Numbers of publishes that were acknowledged before a sync of LevelDB's log that followed their write had returned. */
function unsynced(calls: readonly SystemCall[], acknowledged: readonly Acknowledgement[]): number[] {
  const logs = new Set<number>();
  const writes: { call: SystemCall; text: string }[] = [];
  const syncs: SystemCall[] = [];
  for (const call of calls) {
    if (call.name === 'openat' && /\.log$/.test(bytesOf(call).toString())) logs.add(call.result);
    if (!logs.has(descriptor(call))) continue;
    if (/^(write|pwrite64)$/.test(call.name)) writes.push({ call, text: bytesOf(call).toString('latin1') });
    if (/^(fdatasync|fsync)$/.test(call.name) && call.result === 0) syncs.push(call);
  }
  return acknowledged
    .filter(({ number, begin }) => {
      const write = writes.find(({ text }) => text.includes(marker(number)))?.call;
      if (!write) throw new Error(`publish ${number} was acknowledged and is in no write to the log`);
      const log = descriptor(write);
      return !syncs.some((sync) => descriptor(sync) === log && sync.begin > write.end && sync.end < begin);
    })
    .map(({ number }) => number);
}

const traceable = canTrace();
if (!traceable) console.warn('strace is not here, or may not trace: whether fdatasync comes first is not tested');

test.skipIf(!traceable)('fdatasync of the log has returned before each disk acknowledgement is written', async () => {
  const calls = await publishTraced('disk', 'disk');
  const acknowledged = acknowledgements(calls);
  expect(acknowledged.map(({ number }) => number)).toEqual(Array.from({ length: publishes }, (_, index) => index + 1));
  expect(acknowledged.every(({ durability }) => durability === 'disk')).toBe(true);
  expect(unsynced(calls, acknowledged)).toEqual([]);
});

test.skipIf(!traceable)(
  'so it is for a publisher that asks for disk on a server that would be content with os',
  async () => {
    const calls = await publishTraced('os', 'disk');
    const acknowledged = acknowledgements(calls);
    expect(acknowledged.length).toBe(publishes);
    expect(acknowledged.every(({ durability }) => durability === 'disk')).toBe(true);
    expect(unsynced(calls, acknowledged)).toEqual([]);
  },
);

test.skipIf(!traceable)(
  'an os acknowledgement waits for no sync, which shows that this test would notice',
  async () => {
    const calls = await publishTraced('os', 'os');
    const acknowledged = acknowledgements(calls);
    expect(acknowledged.length).toBe(publishes);
    const fast = acknowledged.filter(({ durability }) => durability === 'os').map(({ number }) => number);
    expect(fast.length).toBeGreaterThan(publishes / 2);
    expect(unsynced(calls, acknowledged)).toEqual(fast);
  },
);
