import { createServer, type Socket } from 'node:net';
import { encodeMessage, encodePayloads, limits, sealBlock } from '../../../protocol/index.js';
import type { SessionShape } from '../fixtures/write-session.js';

/** Bytes of one write: about as much as the server reads from its log at a time. */
const pieceBytes = 256 * 1024;

/** The process of {@link startPlainServer}: all that is said on a connection is in memory before it listens. */
const shape = JSON.parse(process.argv[2]!) as SessionShape;
const bytes = Buffer.concat([...greetings(shape), ...blocks(shape)]);
const server = createServer({ noDelay: true }, (socket) => {
  socket.once('data', () => send(socket, 0)).resume();
});
server.listen(0, '127.0.0.1', () => process.send!(server.address()));
process.once('disconnect', () => process.exit(0));

function send(socket: Socket, from: number): void {
  let offset = from;
  let hasRoom = true;
  while (offset < bytes.length && hasRoom) {
    hasRoom = socket.write(bytes.subarray(offset, offset + pieceBytes));
    offset += pieceBytes;
  }
  if (offset < bytes.length) socket.once('drain', () => send(socket, offset));
}

function greetings({ messages }: SessionShape): Buffer[] {
  const { frameBytesMax, publishWindowBytes, publishesInFlightMax, heartbeatMs, silenceMs } = limits;
  const bounds = { frameBytesMax, publishWindowBytes, publishesInFlightMax, heartbeatMs, silenceMs };
  const log = { log: 1, source: 'main', session: 'bench', epoch: '0'.repeat(16), state: 'active' } as const;
  return [
    encodeMessage({
      type: 'LOGGED_IN',
      version: 1,
      server: 'plain',
      source: 'main',
      durability: 'os',
      published: 0,
      ...bounds,
    }),
    encodeMessage({ type: 'SUBSCRIBED', request: 1, from: 1, lastSeq: messages, ...log }),
  ];
}

function* blocks({ messages, blockMessages, payloadBytes }: SessionShape): Generator<Buffer> {
  const payloads = encodePayloads(Array(blockMessages).fill(Buffer.alloc(payloadBytes, 'x')));
  for (let seq = 1; seq <= messages; seq += blockMessages) yield sealBlock(1, seq, 0, [payloads]);
}
