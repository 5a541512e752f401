import { binHeaderBytes, blockPayloadBytesMax, limits } from '../protocol/index.js';

/** Cut payloads into runs each of which fits one block, as a publish has to; a large payload is a run of its own. */
export function blockBatches(payloads: readonly Uint8Array[]): Uint8Array[][] {
  const batches: Uint8Array[][] = [];
  let bytes = 0;
  for (const payload of payloads) {
    const own = binHeaderBytes(payload.length) + payload.length;
    const batch = batches[batches.length - 1];
    if (batch && bytes + own <= blockPayloadBytesMax && batch.length < limits.blockMessagesMax) {
      batch.push(payload);
      bytes += own;
    } else {
      batches.push([payload]);
      bytes = own;
    }
  }
  return batches;
}
