import type { Logger } from 'pino';
import { StorageError } from './errors.js';

/** After so long, or so many bytes, a figure of free space is asked for again. */
const freshMs = 1_000;
const freshBytes = 32 * 1024 * 1024;

/** What a {@link SpaceGuard} watches. */
export interface SpaceGuardOptions {
  directory: string;
  /** Publishes are refused when less is left, so that recovery still has room. */
  reserveBytes: number;
  freeBytes: (directory: string) => Promise<number>;
  /** Milliseconds. */
  clock: () => number;
  logger: Logger;
}

/** Knows whether the disk has room. It asks in the background, so that no commit waits for the answer. */
export class SpaceGuard {
  readonly #options: SpaceGuardOptions;
  #freeBytes: number;
  #writtenBytes = 0;
  #askedMs: number;
  #asking: Promise<void> | undefined;

  private constructor(options: SpaceGuardOptions, freeBytes: number) {
    this.#options = options;
    this.#freeBytes = freeBytes;
    this.#askedMs = options.clock();
  }

  static async start(options: SpaceGuardOptions): Promise<SpaceGuard> {
    return new SpaceGuard(options, await options.freeBytes(options.directory));
  }

  /** Bytes free, less what was written since the disk was asked. */
  get freeBytes(): number {
    return Math.max(0, this.#freeBytes - this.#writtenBytes);
  }

  /** Count bytes that are going to the disk. */
  wrote(bytes: number): void {
    this.#writtenBytes += bytes;
  }

  /** Why nothing may be published now; `undefined` while there is room. */
  refusal(): StorageError | undefined {
    const { reserveBytes, directory, clock } = this.#options;
    if (this.#writtenBytes >= freshBytes || Math.abs(clock() - this.#askedMs) >= freshMs) void this.refresh();
    if (this.freeBytes >= reserveBytes) return undefined;
    return new StorageError(
      'ERR_DISK_FULL',
      `${this.freeBytes} bytes are free in ${directory}, diskReserveBytes=${reserveBytes} must stay free`,
    );
  }

  /** Ask the disk now; resolves with the answer in force. */
  refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const { freeBytes, directory, clock, logger } = this.#options;
    const writtenBefore = this.#writtenBytes;
    this.#askedMs = clock();
    try {
      this.#freeBytes = await freeBytes(directory);
      this.#writtenBytes -= writtenBefore;
    } catch (error) {
      logger.warn({ err: error }, 'the free space of the data directory is not known');
    }
  }
}
