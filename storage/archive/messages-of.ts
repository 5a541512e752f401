import { blockFirstSeq, blockPayloads, decodePayloads } from '../../protocol/index.js';
import type { Page } from '../page.js';
import type { ExportedMessage } from './binary-file.js';

/** The messages of stretches of a session, one after the other. What is lost leaves a gap in the numbers. */
export async function* messagesOf(pages: AsyncIterable<Page>): AsyncGenerator<ExportedMessage> {
  for await (const { blocks } of pages) {
    for (const block of blocks) {
      let seq = blockFirstSeq(block);
      for (const payload of decodePayloads(blockPayloads(block).bytes)) {
        yield { seq, payload };
        seq += 1;
      }
    }
  }
}
