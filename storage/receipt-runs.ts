import type { ReceiptRun } from '../protocol/index.js';

/** Put a run behind others, which are changed; it becomes part of the last one when it goes on where that ends. */
export function appendRun(runs: ReceiptRun[], [number, publishes, seq, messages]: ReceiptRun): void {
  const last = runs[runs.length - 1];
  if (last) {
    const [firstNumber, lastPublishes, firstSeq, messagesEach] = last;
    const isNext = firstNumber + lastPublishes === number && firstSeq + lastPublishes * messagesEach === seq;
    if (isNext && messagesEach === messages) {
      last[1] += publishes;
      return;
    }
  }
  runs.push([number, publishes, seq, messages]);
}
