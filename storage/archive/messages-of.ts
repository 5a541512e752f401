import { blockFirstSeq, blockPayloads, decodePayloads } from '../../protocol/index.js';
import type { ExportedMessage } from './binary-file.js';
import type { SessionPart } from './session-part.js';

/** The messages of the parts of a session, one after the other. What is lost leaves a gap in the numbers. */
export async function* messagesOf(parts: AsyncIterable<SessionPart>): AsyncGenerator<ExportedMessage> {
  for await (const { blocks } of parts) {
    for (const block of blocks) {
      let seq = blockFirstSeq(block);
      for (const payload of decodePayloads(blockPayloads(block).bytes)) {
        yield { seq, payload };
        seq += 1;
      }
    }
  }
}
