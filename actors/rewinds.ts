import type { Page } from '../storage/index.js';

/** Who gets what a rewind reads: a subscription. */
export interface RewindReceiver {
  page(page: Page): void;
  /** The rewind has failed and delivers nothing more; its receiver decides whether to open another. */
  failed(error: Error): void;
}

/** A rewind that is open for one subscription. */
export interface OpenRewind {
  /** Read the page that starts at `from`; it, or a failure, reaches the receiver. One at a time. */
  read(from: number): void;
  /** Nothing more reaches the receiver. */
  close(): void;
}

/** Where rewinds run: in this process, or in a fork. */
export interface Rewinds {
  /** @throws when the place where rewinds run cannot be reached; try again later */
  open(log: number, receiver: RewindReceiver): Promise<OpenRewind>;
  /** Rewinds open at the moment. */
  readonly size: number;
}
