import { isUtf8 } from 'node:buffer';

/** A message as `tail` prints it. */
export interface PrintedMessage {
  session: string;
  seq: number;
  timeMs: number;
  payload: Uint8Array;
}

/**
 * A message as one line of JSON: `{"session","seq","time","payload"}`, with the time in ISO 8601 and the payload a string
 * when it is UTF-8, else `{"base64":"…"}`.
 */
export function jsonLine({ session, seq, timeMs, payload }: PrintedMessage): string {
  const bytes = asBuffer(payload);
  const content = isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') };
  return JSON.stringify({ session, seq, time: isoTime(timeMs), payload: content });
}

/**
 * A message as one line for people: number, time and payload, between tabs. Control characters are written as escapes,
 * so that a payload can neither break the line nor talk to the terminal.
 */
export function plainLine({ seq, timeMs, payload }: PrintedMessage): string {
  const bytes = asBuffer(payload);
  const content = isUtf8(bytes) ? escapeControls(bytes.toString('utf8')) : `base64:${bytes.toString('base64')}`;
  return `${seq}\t${isoTime(timeMs)}\t${content}`;
}

const controls = /[\p{Cc}\u2028\u2029]/u;

/** Control characters, line and paragraph separators as JSON would escape them. */
export function escapeControls(text: string): string {
  if (!controls.test(text)) return text;
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    if (character === '\t') return '\\t';
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

let lastTimeMs = Number.NaN;
let lastTime = '';

/** Messages that were written together have the same time, and formatting it costs more than the rest of the line. */
function isoTime(timeMs: number): string {
  if (timeMs !== lastTimeMs) {
    lastTimeMs = timeMs;
    lastTime = new Date(timeMs).toISOString();
  }
  return lastTime;
}

function asBuffer(payload: Uint8Array): Buffer {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
