import type { FramedBlocks } from '../protocol/soup/index.js';

/** What an entry takes in memory beside its bytes. */
const entryOverheadBytes = 256;

/** Packets kept for the next subscriber. The live stream needs the newest blocks only, rewinds a page or two each. */
const keptBytesMax = 8 * 1024 * 1024;

/** How blocks are turned into what the clients of another protocol, or of another way to cut this one, are sent. */
export interface BlockFraming {
  frame(blocks: Buffer): FramedBlocks;
}

interface Entry {
  /** Let go when too much is kept, while the blocks themselves may still be in use. */
  framed: FramedBlocks | undefined;
}

/**
 * Blocks as the packets of one framing. They are turned into packets once, for all their subscribers, whether these get
 * them from the live stream or from a rewind: both hand out the same Buffer to all. The newest packets are kept, up to a
 * bound.
 */
export class Framing {
  readonly #framing: BlockFraming;
  readonly #bytesMax: number;
  readonly #entries = new WeakMap<Buffer, Entry>();
  /** Those with packets, oldest first. */
  readonly #kept = new Set<Entry>();
  #bytes = 0;

  constructor(framing: BlockFraming, bytesMax: number = keptBytesMax) {
    this.#framing = framing;
    this.#bytesMax = bytesMax;
  }

  /** Bytes of memory that are kept for subscribers to come. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The packets of a Buffer of whole blocks; shared, so treat them as frozen. */
  of(blocks: Buffer): FramedBlocks {
    const known = this.#entries.get(blocks);
    if (known?.framed) return known.framed;
    const framed = this.#framing.frame(blocks);
    this.#keep(known ?? this.#enter(blocks), framed);
    return framed;
  }

  #enter(blocks: Buffer): Entry {
    const entry = { framed: undefined };
    this.#entries.set(blocks, entry);
    return entry;
  }

  #keep(entry: Entry, framed: FramedBlocks): void {
    entry.framed = framed;
    this.#kept.add(entry);
    this.#bytes += bytesOf(framed);
    for (const oldest of this.#kept) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#kept.delete(oldest);
      this.#bytes -= bytesOf(oldest.framed!);
      oldest.framed = undefined;
    }
  }
}

function bytesOf({ bytes }: FramedBlocks): number {
  return bytes.buffer.byteLength + entryOverheadBytes;
}
