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
  return JSON.stringify({ session, seq, time: new Date(timeMs).toISOString(), payload: content });
}

/**
 * A message as one line for people: number, time and payload, between tabs. Control characters are written as escapes,
 * so that a payload can neither break the line nor talk to the terminal.
 */
export function plainLine({ seq, timeMs, payload }: PrintedMessage): string {
  const bytes = asBuffer(payload);
  const content = isUtf8(bytes) ? escapeControls(bytes.toString('utf8')) : `base64:${bytes.toString('base64')}`;
  return `${seq}\t${new Date(timeMs).toISOString()}\t${content}`;
}

/** Control characters, line and paragraph separators as JSON would escape them. */
export function escapeControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    if (character === '\t') return '\\t';
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function asBuffer(payload: Uint8Array): Buffer {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
