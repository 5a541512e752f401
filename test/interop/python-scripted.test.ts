import { afterEach, describe, expect, test } from 'vitest';
import {
  blockBody,
  encodePayloads,
  errorCodes,
  limits,
  type Payloads,
  retransmissionHeader,
  type ServerMessage,
  sealBlock,
} from '../../protocol/index.js';
import { PythonClient, pythonMissing } from './python-client.js';
import { type Peer, type ScriptedServer, scriptedServer } from './scripted-server.js';

const payloads = (...texts: string[]): Payloads => encodePayloads(texts.map((text) => Buffer.from(text)));
const block = (firstSeq: number, ...texts: string[]) => sealBlock(7, firstSeq, 1000 + firstSeq, [payloads(...texts)]);
const failure = (code: keyof typeof errorCodes) => ({ code, message: 'as scripted', remedy: errorCodes[code] });
const subscription = { log: 7, session: 'day', from: 3 };
const end = (lastSeq: number): ServerMessage => ({
  type: 'END_OF_SESSION',
  log: 7,
  session: 'day',
  lastSeq,
  reason: 'closed',
});
const acknowledged = (number: number, ...runs: [number, number, number, number][]): ServerMessage => ({
  type: 'ACKNOWLEDGED',
  source: 'main',
  session: 'day',
  epoch: 'e1',
  durability: 'disk',
  number,
  runs,
});

describe.skipIf(pythonMissing)(
  `the Python client with a scripted server (${pythonMissing ?? 'python3 is here'})`,
  () => {
    let server: ScriptedServer | undefined;
    let client: PythonClient | undefined;

    afterEach(async () => {
      server?.close();
      await client?.stop();
    });

    async function play(args: string[], script: (peer: Peer) => Promise<void>, input: string[] = []) {
      server = await scriptedServer(script);
      client = new PythonClient(server.port, ...args).input(input);
      const [result] = await Promise.all([client.all(), server.played]);
      return result;
    }

    test('reads blocks, what was lost, going live and the end, from frames that drip in', async () => {
      const { events, code } = await play(
        ['--from', '3', '--session', 'day', '--epoch', 'e1', 'tail'],
        async (peer) => {
          const login = await peer.login();
          expect(login).toMatchObject({ versions: [1], client: 'latecomer.py' });
          const asked = await peer.subscribed({ ...subscription, lastSeq: 9 });
          expect(asked).toMatchObject({ session: 'day', epoch: 'e1', from: 3 });
          const lost = { type: 'LOST', log: 7, from: 3, to: 6, reason: 'retention' } as const;
          await peer.drip(lost, block(7, 'seven', 'eight'), { type: 'HEARTBEAT' });
          await peer.drip(block(9, 'nine'), { type: 'LIVE', log: 7, seq: 9 }, block(10, 'ten'), end(10));
        },
      );
      expect(code).toBe(0);
      expect(events.slice(1)).toEqual([
        { event: 'lost', log: 7, from: 3, to: 6, reason: 'retention' },
        { event: 'message', log: 7, seq: 7, time_ms: 1007, payload: 'seven' },
        { event: 'message', log: 7, seq: 8, time_ms: 1007, payload: 'eight' },
        { event: 'message', log: 7, seq: 9, time_ms: 1009, payload: 'nine' },
        { event: 'live', log: 7, seq: 9 },
        { event: 'message', log: 7, seq: 10, time_ms: 1010, payload: 'ten' },
        { event: 'ended', log: 7, session: 'day', last_seq: 10, reason: 'closed', next: null, discarded: false },
      ]);
    });

    const flipped = block(3, 'three');
    flipped[flipped.length - 1]! ^= 1;

    test.each<[string, (ServerMessage | Buffer)[]]>([
      ['a flipped bit', [flipped]],
      ['a gap', [block(4, 'four')]],
      ['a duplicate', [block(3, 'three'), block(3, 'three')]],
      ['live behind what is due', [{ type: 'LIVE', log: 7, seq: 3 }]],
      ['lost numbers that are not due', [{ type: 'LOST', log: 7, from: 4, to: 5, reason: 'missing' }]],
      ['an end before the last message', [end(3)]],
      ['a mark on a log it has no subscription of', [{ type: 'SESSION_DISCARDED', log: 8, session: 'x', reason: 'y' }]],
      ['a block of a log it has no subscription of', [sealBlock(8, 3, 0, [payloads('x')])]],
      ['a retransmission it did not ask for', [retransmissionHeader(block(3, 'x'), 9), blockBody(block(3, 'x'))]],
    ])('tells %s from a good stream', async (_, frames) => {
      const { events, code } = await play(['--from', '3', 'tail'], async (peer) => {
        await peer.login();
        await peer.subscribed({ ...subscription, lastSeq: 9 });
        peer.send(...frames);
      });
      expect(code).toBe(2);
      expect(events.at(-1)!.event).toBe('violation');
    });

    test('goes back to a publish that was refused, and sends all behind it again in order', async () => {
      const seen: number[] = [];
      const script = async (peer: Peer) => {
        const login = await peer.login({ published: 4 });
        expect(login.publisher).toBe('p');
        const take = async (count: number) => {
          for (let taken = 0; taken < count; taken += 1) seen.push((await peer.take('PUBLISH')).number);
        };
        await take(4);
        peer.send({ type: 'REFUSED', number: 6, ...failure('ERR_DISK_FULL') }, acknowledged(5, [5, 1, 1, 1]));
        peer.send({ type: 'REFUSED', number: 7, ...failure('ERR_DISK_FULL') });
        await take(3);
        peer.send(acknowledged(8, [6, 2, 2, 1], [8, 1, 4, 2]));
      };
      const { events, code } = await play(['--publisher', 'p', 'publish'], script, [
        'five',
        'six',
        'seven',
        'eight\tnine',
      ]);
      expect(code).toBe(0);
      expect(seen).toEqual([5, 6, 7, 8, 6, 7, 8]);
      expect(events.map(({ number, first_seq, count }) => [number, first_seq, count])).toEqual([
        [5, 1, 1],
        [6, 2, 1],
        [7, 3, 1],
        [8, 4, 2],
      ]);
    });

    test('gives up on a publish that can never succeed', async () => {
      const script = async (peer: Peer) => {
        await peer.login();
        const { number } = await peer.take('PUBLISH');
        peer.send({ type: 'REFUSED', number, ...failure('ERR_SESSION_ENDED') });
      };
      const { events, code } = await play(['--publisher', 'p', 'publish'], script, ['one']);
      expect(code).toBe(1);
      expect(events.at(-1)).toMatchObject({ event: 'error', code: 'ERR_SESSION_ENDED', remedy: 'never' });
    });

    test('sends no more than the publish window takes', async () => {
      const lines = Array.from({ length: limits.publishesInFlightMax + 1 }, (_, index) => `${index}`);
      const script = async (peer: Peer) => {
        await peer.login();
        for (let number = 1; number <= limits.publishesInFlightMax; number += 1)
          expect((await peer.take('PUBLISH')).number).toBe(number);
        peer.send(acknowledged(limits.publishesInFlightMax, [1, limits.publishesInFlightMax, 1, 1]));
        const { number } = await peer.take('PUBLISH');
        peer.send(acknowledged(number, [number, 1, number, 1]));
      };
      const { events, code } = await play(['--publisher', 'p', 'publish'], script, lines);
      expect(code).toBe(0);
      expect(events).toHaveLength(lines.length);
    });

    test('gets a range with what was lost of it in its place', async () => {
      const { events, code } = await play(['--from', '3', '--to', '8', 'rerequest'], async (peer) => {
        await peer.login();
        const { request, from, to } = await peer.take('REREQUEST');
        expect([from, to]).toEqual([3, 8]);
        for (const found of [block(3, 'three', 'four'), block(7, 'seven', 'eight')]) {
          await peer.drip(retransmissionHeader(found, request), blockBody(found));
          if (found.includes('three')) peer.send({ type: 'LOST', request, from: 5, to: 6, reason: 'corrupt' });
        }
        peer.send({ type: 'RETRANSMITTED', request, from, to, messages: 4 });
      });
      expect(code).toBe(0);
      expect(events.map(({ event, seq, from, to }) => [event, seq ?? [from, to]])).toEqual([
        ['message', 3],
        ['message', 4],
        ['lost', [5, 6]],
        ['message', 7],
        ['message', 8],
      ]);
    });

    test('is told that a session is discarded, and goes on to its end', async () => {
      const discarded = { type: 'SESSION_DISCARDED', log: 7, session: 'day', reason: 'nonsense' } as const;
      const { events, code } = await play(['--from', '3', 'tail'], async (peer) => {
        await peer.login();
        await peer.subscribed({ ...subscription, lastSeq: 4 });
        await peer.drip(block(3, 'three'), discarded, block(4, 'four'), end(4));
      });
      expect(code).toBe(0);
      expect(events.map(({ event, seq, reason }) => [event, seq ?? reason])).toEqual([
        ['subscribed', undefined],
        ['message', 3],
        ['discarded', 'nonsense'],
        ['message', 4],
        ['ended', 'closed'],
      ]);
    });

    test('is told of a subscription that the server could not go on with', async () => {
      const { events, code } = await play(['--from', '3', 'tail'], async (peer) => {
        await peer.login();
        await peer.subscribed({ ...subscription, lastSeq: 9 });
        peer.send(block(3, 'three'), { type: 'UNSUBSCRIBED', log: 7, ...failure('ERR_REWIND_FAILED') });
      });
      expect(code).toBe(0);
      expect(events.at(-1)).toMatchObject({ event: 'stopped', code: 'ERR_REWIND_FAILED', remedy: 'retry' });
    });

    test('sends heartbeats while it has nothing to say', async () => {
      const { events } = await play(['--from', '3', '--count', '1', 'tail'], async (peer) => {
        await peer.login();
        await peer.subscribed({ ...subscription, lastSeq: 2 });
        await peer.take('HEARTBEAT');
        peer.send({ type: 'LIVE', log: 7, seq: 2 }, block(3, 'three'));
        const { log } = await peer.take('UNSUBSCRIBE');
        peer.send({ type: 'UNSUBSCRIBED', log });
      });
      expect(events.map(({ event }) => event)).toEqual(['subscribed', 'live', 'message']);
    });
  },
);
