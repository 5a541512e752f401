import type { Loss } from '../page.js';

/** A part of a session as it is read from the first message to the last: verified blocks, and a loss behind them. */
export interface SessionPart {
  /** Contiguous from where the part before ended. */
  blocks: Buffer[];
  /** What cannot be had, directly behind the blocks. */
  lost?: Loss;
}
