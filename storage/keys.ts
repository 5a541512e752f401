/**
 * Keys of the database. The first byte is the kind; numbers are big-endian, so that LevelDB's byte order is theirs.
 *
 *     1 META       [name]                                          facts about the whole database
 *     2 CATALOGUE  [log u32]                                       a session (JSON)
 *     3 RECEIPT    [source][publisher][lastNumber u64]             acknowledged publishes; names have a length byte
 *     4 BLOCK      [log u32][lastSeq u64]                          one or more whole blocks, back to back, and receipts
 *     5 POSITION   [source][input]                                 how far an input is (JSON); names have a length byte
 *     6 MEMBER     [source][participant]                           a participant of a group (JSON); names have a length byte
 *
 * Blocks sort behind all that is seldom written: the tables LevelDB makes of a growing log lie behind all it has, overlap
 * none of them, and are not written again. A position is written with every block of its input, a member row whenever its
 * participant gets further; behind the blocks they lie across none but the newest tables.
 */
export const KeyKind = { META: 1, CATALOGUE: 2, RECEIPT: 3, BLOCK: 4, POSITION: 5, MEMBER: 6 } as const;

const blockKeyBytes = 13;

/** Largest number a log can have. */
export const logNumberMax = 0xffff_ffff;

/** Key of the value that ends with message `lastSeq`; "≥ n" finds the value that holds n. */
export function blockKey(log: number, lastSeq: number): Buffer {
  const key = Buffer.allocUnsafe(blockKeyBytes);
  key[0] = KeyKind.BLOCK;
  key.writeUInt32BE(log, 1);
  key.writeBigUInt64BE(BigInt(lastSeq), 5);
  return key;
}

/** What a BLOCK key says; `undefined` when it is none: a damaged table can hold anything. */
export function readBlockKey(key: Buffer): { log: number; lastSeq: number } | undefined {
  if (key.length !== blockKeyBytes) return undefined;
  return { log: key.readUInt32BE(1), lastSeq: Number(key.readBigUInt64BE(5)) };
}

/** First key behind all blocks of a log. */
export function blocksEnd(log: number): Buffer {
  const end = blockKey(log, 0);
  end.fill(0xff, 5);
  return end;
}

/** Key of a session's line in the catalogue. */
export function catalogueKey(log: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = KeyKind.CATALOGUE;
  key.writeUInt32BE(log, 1);
  return key;
}

/** The log a CATALOGUE key belongs to. */
export function readCatalogueKey(key: Buffer): number {
  return key.readUInt32BE(1);
}

/** What the keys of all receipts of a publisher start with. */
export function receiptPrefix(source: string, publisher: string): Buffer {
  return Buffer.concat([Buffer.from([KeyKind.RECEIPT]), named(source), named(publisher)]);
}

/** Key of the receipts whose last publish is `lastNumber`. */
export function receiptKey(prefix: Buffer, lastNumber: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + 8);
  prefix.copy(key);
  key.writeBigUInt64BE(BigInt(lastNumber), prefix.length);
  return key;
}

/** The last publish number a RECEIPT key is about. */
export function readReceiptKey(key: Buffer): number {
  return Number(key.readBigUInt64BE(key.length - 8));
}

/** Key of how far an input of a source is. */
export function positionKey(source: string, input: string): Buffer {
  return Buffer.concat([Buffer.from([KeyKind.POSITION]), named(source), named(input)]);
}

/** What the keys of all participants of a group start with. */
export function memberPrefix(source: string): Buffer {
  return Buffer.concat([Buffer.from([KeyKind.MEMBER]), named(source)]);
}

/** Key of a participant of a group. */
export function memberKey(source: string, participant: string): Buffer {
  return Buffer.concat([memberPrefix(source), named(participant)]);
}

/** Key of a fact about the whole database. */
export function metaKey(name: string): Buffer {
  return Buffer.concat([Buffer.from([KeyKind.META]), Buffer.from(name)]);
}

/** All keys of a kind. */
export function kindRange(kind: number): { gte: Buffer; lt: Buffer } {
  return { gte: Buffer.from([kind]), lt: Buffer.from([kind + 1]) };
}

function named(name: string): Buffer {
  const text = Buffer.from(name);
  if (text.length > 0xff) throw new RangeError(`name of ${text.length} bytes exceeds 255: ${name}`);
  return Buffer.concat([Buffer.from([text.length]), text]);
}
