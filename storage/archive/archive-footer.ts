import { createHash } from 'node:crypto';

/**
 * The end of an archive: an empty gzip member whose extra field says where the index is.
 *
 *     offset  0  1f 8b 08 04 00 00 00 00 00 ff   header of a member with an extra field
 *            10  2c 00                           length of that field, 44
 *            12  4c 43 28 00                     subfield "LC", length 40
 *            16  u64 BE                          where the index begins in the file; it ends where the footer begins
 *            24  32 bytes                        SHA-256 of the index as it is in the file, compressed
 *            56  03 00                           nothing, compressed
 *            58  00 × 8                          crc32 and length of nothing
 */
export const footerBytes = 66;

const head = Buffer.from('1f8b08040000000000ff2c004c432800', 'hex');
const tail = Buffer.from('03000000000000000000', 'hex');
const offsetAt = 16;

/** @param index the index as it is in the file */
export function packFooter(indexOffset: number, index: Buffer): Buffer {
  const offset = Buffer.alloc(8);
  offset.writeBigUInt64BE(BigInt(indexOffset));
  return Buffer.concat([head, offset, createHash('sha256').update(index).digest(), tail]);
}

/** Where the index of a file of that size begins; `undefined` when this is no footer of one. */
export function readIndexOffset(footer: Buffer, fileBytes: number): number | undefined {
  if (footer.length !== footerBytes || !footer.subarray(0, head.length).equals(head)) return undefined;
  const offset = Number(footer.readBigUInt64BE(offsetAt));
  return offset < fileBytes - footerBytes ? offset : undefined;
}
