import { describe, expect, it } from 'vitest';
import { jsonLine, plainLine } from '../../cli/message-line.js';

const message = (payload: Uint8Array) => ({ session: 's1', seq: 7, timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6), payload });

describe('jsonLine', () => {
  it('holds session, seq, time and the payload as text', () => {
    expect(jsonLine(message(Buffer.from('hé\n"lo"')))).toBe(
      '{"session":"s1","seq":7,"time":"2026-01-02T03:04:05.006Z","payload":"hé\\n\\"lo\\""}',
    );
  });

  it('holds a payload that is not UTF-8 as base64', () => {
    expect(JSON.parse(jsonLine(message(Buffer.from([0xff, 0x00])))).payload).toEqual({ base64: '/wA=' });
  });

  it('cannot talk to the terminal either, and is read back as it was', () => {
    const payload = '\x1b[31m\x7f\u009b2J\u2028';
    const line = jsonLine({ ...message(Buffer.from(payload)), session: 's\u0085' });
    expect(line).not.toMatch(/[\p{Cc}\u2028]/u);
    expect(JSON.parse(line)).toMatchObject({ payload, session: 's\u0085' });
  });

  it('reads a view, not the buffer around it', () => {
    const view = new Uint8Array(Buffer.from('xabcx').subarray(1, 4));
    expect(JSON.parse(jsonLine(message(view))).payload).toBe('abc');
    expect(JSON.parse(jsonLine(message(new Uint8Array(0)))).payload).toBe('');
  });
});

describe('plainLine', () => {
  it('is number, time and payload between tabs', () => {
    expect(plainLine(message(Buffer.from('hello')))).toBe('7\t2026-01-02T03:04:05.006Z\thello');
  });

  it('cannot be broken by its payload, which cannot talk to the terminal either', () => {
    const line = plainLine(message(Buffer.from('a\tb\r\n\x1b[31m\u009b\u2028')));
    expect(line.split('\t')[2]).toBe('a\\tb\\r\\n\\u001b[31m\\u009b\\u2028');
  });

  it('says when a payload is no text', () => {
    expect(plainLine(message(Buffer.from([0xff])))).toMatch(/\tbase64:\/w==$/);
  });
});
