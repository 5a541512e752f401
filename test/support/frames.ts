import { encodePayloads, encodePublishHeader, sealBlock } from '../../protocol/index.js';
import { texts } from './payloads.js';

/** A PUBLISH frame. */
export function publishFrame(number: number, payloads: readonly Uint8Array[], session = ''): Buffer {
  const encoded = encodePayloads(payloads);
  return Buffer.concat([encodePublishHeader(number, session, encoded), encoded.bytes]);
}

/** A MESSAGES frame with one text per message, as a server would send it. */
export function textBlock(firstSeq: number, values: readonly string[], log = 1): Buffer {
  return sealBlock(log, firstSeq, 1_700_000_000_000, [texts(...values)]);
}

/** A length prefix in front of any body. */
export function framed(body: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, 4);
  return frame;
}
