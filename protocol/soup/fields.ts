import { soupLimits } from './soup-limits.js';

/**
 * A field without its pads. The documents pad names on the right and numbers on the left, and clients do it either way:
 * spaces are dropped on both sides.
 */
export function readField(bytes: Buffer, start: number, length: number): string {
  return bytes.toString('latin1', start, start + length).replace(/^ +| +$/g, '');
}

/**
 * The sequence number that a field's text stands for; `undefined` when it is none. One beyond what can be counted is the
 * largest that can, which no session has reached.
 */
export function readSequence(text: string): number | undefined {
  return /^\d+$/.test(text) ? Math.min(Number(text), Number.MAX_SAFE_INTEGER) : undefined;
}

/** Text as a debug packet may carry it: printable ASCII, so that a line feed cannot end it early. */
export function debugText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, soupLimits.debugBytesMax);
}

/** Text of a client, for a message to people. */
export function quoted(text: string): string {
  return `"${debugText(text).slice(0, 40)}"`;
}
