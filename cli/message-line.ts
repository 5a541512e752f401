import { isUtf8 } from 'node:buffer';
import { escapeControls, jsonText } from './escape-controls.js';

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
  return jsonText({ session, seq, time: isoTime(timeMs), payload: content });
}

/**
 * A message as one line for people: number, time and payload, between tabs. Control characters are written as escapes,
 * so that a payload can neither break the line nor talk to the terminal.
 */
export function plainLine({ seq, timeMs, payload }: PrintedMessage): string {
  return `${seq}\t${isoTime(timeMs)}\t${payloadText(payload)}`;
}

/** A payload on one line: its text, with control characters as escapes, or `base64:…` when it is no UTF-8. */
export function payloadText(payload: Uint8Array): string {
  const bytes = asBuffer(payload);
  return isUtf8(bytes) ? escapeControls(bytes.toString('utf8')) : `base64:${bytes.toString('base64')}`;
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
