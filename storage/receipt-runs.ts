import type { ReceiptRun } from '../protocol/index.js';

/** Put a run behind others, which are changed; it becomes part of the last one when it goes on where that ends. */
export function appendRun(
  runs: ReceiptRun[],
  number: number,
  publishes: number,
  firstSeq: number,
  messagesEach: number,
): void {
  const last = runs[runs.length - 1];
  // By index: this is done for every publish, and taking an array apart is not for nothing before it is compiled.
  const isNext =
    last && last[0] + last[1] === number && last[2] + last[1] * last[3] === firstSeq && last[3] === messagesEach;
  if (isNext) last[1] += publishes;
  else runs.push([number, publishes, firstSeq, messagesEach]);
}
