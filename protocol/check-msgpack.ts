import { isUtf8 } from 'node:buffer';
import { ProtocolError } from './errors.js';
import { limits } from './limits.js';

/**
 * Check that bytes are exactly one msgpack value of the kind control messages are made of, before a library decodes
 * them. What libraries let pass, read in their own way or pay for with memory is refused here: extension types (and
 * with them records, dates, regular expressions, references), the unused byte 0xc1, strings that are not UTF-8, map
 * keys that are not strings, deep nesting, headers that promise more than there is, bytes behind the value, and more
 * values than `limits.controlValuesMax`.
 * @throws ProtocolError `ERR_BAD_MESSAGE`
 */
export function checkMsgpack(bytes: Buffer): void {
  const cursor = new ValueCursor(bytes);
  /** Values that are still to come in each open array or map; a map of n pairs holds 2n. */
  const left: number[] = [];
  const maps: boolean[] = [];
  let values = 0;
  do {
    const key = maps[maps.length - 1] === true && left[left.length - 1]! % 2 === 0;
    if (left.length > 0) left[left.length - 1]! -= 1;
    const kind = cursor.next();
    values += 1;
    if (key && kind !== 'string') throw bad(`a map key at byte ${cursor.start} is not a string`);
    if (values > limits.controlValuesMax) throw bad(`more than ${limits.controlValuesMax} values`);
    if (kind === 'array' || kind === 'map') {
      if (left.length === limits.depthMax) throw bad(`nesting deeper than ${limits.depthMax}`);
      left.push(kind === 'map' ? cursor.length * 2 : cursor.length);
      maps.push(kind === 'map');
    }
    while (left.length > 0 && left[left.length - 1] === 0) {
      left.pop();
      maps.pop();
    }
  } while (left.length > 0);
  if (cursor.offset !== bytes.length) throw bad(`${bytes.length - cursor.offset} bytes behind the value`);
}

type Kind = 'scalar' | 'string' | 'array' | 'map';

/** Bytes behind the marker of the values that have a fixed size. */
const scalarBytes = new Map([
  [0xc0, 0], // nil
  [0xc2, 0], // false
  [0xc3, 0], // true
  [0xca, 4], // float
  [0xcb, 8],
  [0xcc, 1], // unsigned
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1], // signed
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** Kind, and width of the length, of the values that say how long they are. */
const sized = new Map<number, [kind: Kind, width: 1 | 2 | 4]>([
  [0xc4, ['scalar', 1]], // bin
  [0xc5, ['scalar', 2]],
  [0xc6, ['scalar', 4]],
  [0xd9, ['string', 1]],
  [0xda, ['string', 2]],
  [0xdb, ['string', 4]],
  [0xdc, ['array', 2]],
  [0xdd, ['array', 4]],
  [0xde, ['map', 2]],
  [0xdf, ['map', 4]],
]);

/** Steps over one value at a time; of an array or a map only over its header. */
class ValueCursor {
  readonly #bytes: Buffer;
  offset = 0;
  /** Where the value last stepped over starts. */
  start = 0;
  /** Elements of the array, or pairs of the map, whose header was stepped over. */
  length = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): Kind {
    this.start = this.offset;
    this.#skip(1);
    const marker = this.#bytes[this.start]!;
    if (marker <= 0x7f || marker >= 0xe0) return 'scalar';
    if (marker <= 0x8f) return this.#value('map', marker & 0x0f);
    if (marker <= 0x9f) return this.#value('array', marker & 0x0f);
    if (marker <= 0xbf) return this.#value('string', marker & 0x1f);
    const scalar = scalarBytes.get(marker);
    if (scalar !== undefined) return this.#value('scalar', scalar);
    const [kind, width] = sized.get(marker) ?? [];
    if (kind === undefined || width === undefined) {
      throw bad(`byte 0x${marker.toString(16)} at ${this.start} starts no value a control message may hold`);
    }
    this.#skip(width);
    return this.#value(kind, this.#bytes.readUIntBE(this.start + 1, width));
  }

  #value(kind: Kind, length: number): Kind {
    this.length = length;
    if (kind === 'array' || kind === 'map') {
      if (length * (kind === 'map' ? 2 : 1) > this.#bytes.length - this.offset) this.#tooShort();
      return kind;
    }
    const from = this.offset;
    this.#skip(length);
    if (kind === 'string' && !isUtf8(this.#bytes.subarray(from, this.offset))) {
      throw bad(`the string at byte ${this.start} is not UTF-8`);
    }
    return kind;
  }

  #skip(bytes: number): void {
    this.offset += bytes;
    if (this.offset > this.#bytes.length) this.#tooShort();
  }

  #tooShort(): never {
    throw bad(`the value at byte ${this.start} is longer than the frame`);
  }
}

function bad(message: string): ProtocolError {
  return new ProtocolError('ERR_BAD_MESSAGE', message);
}
