import { createHash, type Hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setImmediate as othersHadATurn } from 'node:timers/promises';
import { limits } from '../../protocol/index.js';
import { HttpFailure } from './http-failure.js';

/** What a request brings. */
export interface HttpMessages {
  messages: Buffer[];
  /** Of its body: two requests are the same only if their bodies are. */
  digest: string;
}

/** Messages in one body: each takes far more memory than the two bytes of the shortest. */
const messagesMax = 65_536;
/** After so many bytes of JSON, or so many lines, everybody else has a turn. */
const turn = { bytes: 256 * 1024, lines: 4_096 };

/** Types of a body with a JSON value on each line. */
const linesOfJson = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl']);

/**
 * The messages of a request: a line each when its type is NDJSON, else the body as one.
 * @param bytesMax largest body
 * @throws HttpFailure 400, 413, 415
 */
export async function readHttpMessages(request: IncomingMessage, bytesMax: number): Promise<HttpMessages> {
  const { 'content-type': contentType = '', 'content-encoding': encoding } = request.headers;
  if (encoding !== undefined) {
    throw new HttpFailure(415, 'ERR_CONTENT_ENCODING', `expected no Content-Encoding, found ${encoding}`);
  }
  const type = contentType.split(';')[0]!.trim().toLowerCase();
  const hash = createHash('sha256').update(type).update('\n');
  const body = await readBody(request, bytesMax, hash);
  const messages = linesOfJson.has(type) ? await jsonLines(body) : [body];
  if (body.length === 0 || messages.length === 0)
    throw new HttpFailure(400, 'ERR_NO_MESSAGE', 'the body holds no message');
  for (const [index, message] of messages.entries()) checkLength(message, `message ${index + 1}`);
  return { messages, digest: hash.digest('hex') };
}

function checkLength({ length }: Buffer, what: string): void {
  if (length <= limits.payloadBytesMax) return;
  const found = `${what} of ${length} bytes`;
  throw new HttpFailure(413, 'ERR_PUBLISH_TOO_LARGE', `${found} exceeds payloadBytesMax=${limits.payloadBytesMax}`);
}

/** @param hash takes what is read */
async function readBody(request: IncomingMessage, bytesMax: number, hash: Hash): Promise<Buffer> {
  const tooLarge = (found: string) =>
    new HttpFailure(413, 'ERR_BODY_TOO_LARGE', `${found} exceeds bodyBytesMax=${bytesMax}`);
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > bytesMax) throw tooLarge(`body of ${length} bytes`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(`body of at least ${bytes} bytes`);
    hash.update(chunk);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** Lines that are blank are no messages; any other has to be JSON, as it stands. */
async function jsonLines(body: Buffer): Promise<Buffer[]> {
  const lines: Buffer[] = [];
  let start = 0;
  let turnEnd = turn.bytes;
  for (let number = 1; start < body.length; number += 1) {
    if (start >= turnEnd || number % turn.lines === 0) {
      turnEnd = start + turn.bytes;
      await othersHadATurn();
    }
    const found = body.indexOf(0x0a, start);
    const end = found === -1 ? body.length : found;
    const line = body.subarray(start, end);
    start = end + 1;
    checkLength(line, `line ${number}`);
    const text = line.toString();
    if (text.trim() === '') continue;
    try {
      JSON.parse(text);
    } catch (error) {
      throw new HttpFailure(400, 'ERR_NOT_JSON', `line ${number} is not JSON: ${(error as Error).message}`);
    }
    lines.push(line);
    if (lines.length > messagesMax) {
      throw new HttpFailure(413, 'ERR_TOO_MANY_MESSAGES', `more than ${messagesMax} messages: post them in parts`);
    }
  }
  return lines;
}
