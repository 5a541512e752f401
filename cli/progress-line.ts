import type { TerminalStream } from './terminal.js';

/** The rate is that of about this long. */
const windowMs = 2_000;
/** How often the line is drawn anew. */
const drawMs = 200;

/** How far a rewind has come. */
export interface RewindProgress {
  /** First number of the rewind. */
  firstSeq: number;
  /** Number that was printed last. */
  seq: number;
  /** Number it is known to go to. */
  lastSeq: number;
}

/** Where a rewind is, how fast, and how long it will still take, on one line of a terminal that is drawn over. */
export class ProgressLine {
  readonly #stream: TerminalStream;
  readonly #clock: () => number;
  #since: { ms: number; seq: number } | undefined;
  #rate = 0;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #shown = false;

  /**
   * @param stream nothing is ever drawn when it is not a terminal
   * @param clock milliseconds
   */
  constructor(stream: TerminalStream, clock: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** Report a position; cheap enough for every message. */
  moved(progress: RewindProgress): void {
    if (this.#stream.isTTY !== true) return;
    const now = this.#clock();
    if (now - this.#drawnMs < drawMs) return;
    this.#drawnMs = now;
    this.#measure(now, progress.seq);
    const text = progressText(progress, this.#rate).slice(0, (this.#stream.columns || 80) - 1);
    this.#stream.write(`\r\x1b[K${text}`);
    this.#shown = true;
  }

  /** Take the line away, as other text is about to appear; it comes back with the next position. */
  clear(): void {
    if (!this.#shown) return;
    this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }

  #measure(now: number, seq: number): void {
    const since = this.#since;
    if (since === undefined || seq < since.seq) {
      this.#since = { ms: now, seq };
      return;
    }
    const elapsedMs = now - since.ms;
    if (elapsedMs > 0) this.#rate = ((seq - since.seq) * 1_000) / elapsedMs;
    if (elapsedMs >= windowMs) this.#since = { ms: now, seq };
  }
}

/** The text of the line. @param rate messages a second; 0 when it is not known yet */
export function progressText({ firstSeq, seq, lastSeq }: RewindProgress, rate: number): string {
  const whole = Math.max(1, lastSeq - firstSeq + 1);
  const percent = Math.min(100, Math.floor(((seq - firstSeq + 1) * 100) / whole));
  const left = Math.max(0, lastSeq - seq);
  const pace = rate === 0 ? '' : ` · ${count(rate)} msg/s · ETA ${duration(left / rate)}`;
  return `rewinding ${count(seq)} of ${count(lastSeq)} (${percent} %)${pace}`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
