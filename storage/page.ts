import type { LostRange } from '../protocol/index.js';
import type { Stretch } from './stretch.js';

/** Messages that can no longer be delivered. */
export type Loss = LostRange;

/** A part of a log as it was read back from disk. */
export interface Page {
  /** Contiguous and verified. The first may start before the number asked for, the last may end after it: cut them. */
  stretches: Stretch[];
  /** What cannot be delivered, directly behind the stretches. */
  lost?: Loss;
  /** First number behind this page, its loss included. */
  next: number;
}
