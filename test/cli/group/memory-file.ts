import type { DurableFile } from '../../../cli/group/durable-file.js';

/** What a torn write leaves behind the bytes that arrived, when the file has grown by then. */
export type Tear = 'nothing' | 'zeros' | 'garbage';

/** Ends the process, so to say. */
export class Crash extends Error {}

/** Where the process crashes: in a write or truncation, counted over all files, after some of its bytes. */
export interface CrashPoint {
  step: number;
  bytes: number;
  tear: Tear;
}

/** A disk whose files outlive a crash. */
export class MemoryDisk {
  readonly files = new Map<string, Buffer>();
  /** Bytes of each write so far; a truncation is one byte. */
  steps: number[] = [];
  crashAt: CrashPoint | undefined;

  open(name: string): DurableFile {
    if (!this.files.has(name)) this.files.set(name, Buffer.alloc(0));
    const content = (): Buffer => this.files.get(name)!;
    return {
      size: async () => content().length,
      read: async (at, bytes) => Buffer.from(content().subarray(at, at + bytes)),
      write: async (at, bytes) => {
        const torn = this.#step(bytes.length);
        this.#put(name, at, torn === undefined ? bytes : left(bytes, torn));
        if (torn) throw new Crash();
      },
      truncate: async (bytes) => {
        const torn = this.#step(1);
        if (torn === undefined || torn.bytes > 0) this.files.set(name, content().subarray(0, bytes));
        if (torn) throw new Crash();
      },
      close: async () => {},
    };
  }

  #step(bytes: number): CrashPoint | undefined {
    this.steps.push(bytes);
    return this.crashAt?.step === this.steps.length - 1 ? this.crashAt : undefined;
  }

  #put(name: string, at: number, bytes: Buffer): void {
    const old = this.files.get(name)!;
    const grown = Buffer.alloc(Math.max(old.length, bytes.length === 0 ? 0 : at + bytes.length));
    old.copy(grown);
    bytes.copy(grown, at);
    this.files.set(name, grown);
  }
}

function left(bytes: Buffer, { bytes: arrived, tear }: CrashPoint): Buffer {
  if (tear === 'nothing') return bytes.subarray(0, arrived);
  return Buffer.concat([bytes.subarray(0, arrived), Buffer.alloc(bytes.length - arrived, tear === 'zeros' ? 0 : '7')]);
}
