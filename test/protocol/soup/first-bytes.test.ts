import { describe, expect, it } from 'vitest';
import { type FirstBytes, readFirstBytes, soupBin, soupTcp } from '../../../protocol/soup/index.js';

const latin = (text: string) => Buffer.from(text, 'latin1');

/** SoupBinTCP 3.00, 2.3.1, byte by byte. */
const binLogin = latin('\x00\x2fLalice secret    2026112101                  42');
/** SoupTCP 2.00, byte by byte. */
const tcpLogin = latin('Lalice secret    2026112101        42\n');

function refusal(bytes: Buffer, waited = false): { code: string; reject?: string | undefined; message: string } {
  const found = readFirstBytes(bytes, waited);
  if (found.state !== 'refused') throw new Error(`expected a refusal, found ${JSON.stringify(found)}`);
  return found.error;
}

const accepted = (bytes: Buffer, waited = false): Extract<FirstBytes, { state: 'login' }> => {
  const found = readFirstBytes(bytes, waited);
  if (found.state !== 'login') throw new Error(`expected a login, found ${JSON.stringify(found)}`);
  return found;
};

describe('the first bytes of a connection', () => {
  it('are a login of SoupBinTCP 3.00: 49 bytes, the length 47 in front', () => {
    expect(binLogin).toHaveLength(49);
    expect(accepted(binLogin)).toEqual({
      state: 'login',
      dialect: soupBin,
      login: { user: 'alice', password: 'secret', session: '2026112101', sequence: 42, short: false },
      bytes: 49,
    });
  });

  it('are a login of SoupTCP 2.00: 37 characters and a line feed', () => {
    expect(tcpLogin).toHaveLength(38);
    expect(accepted(tcpLogin)).toEqual({
      state: 'login',
      dialect: soupTcp,
      login: { user: 'alice', password: 'secret', session: '2026112101', sequence: 42, short: false },
      bytes: 38,
    });
  });

  it.each([
    ['a login of SoupBinTCP', binLogin],
    ['a login of SoupTCP', tcpLogin],
  ])('are waited for until %s is whole, and what follows it is left', (_, login) => {
    for (let length = 0; length < login.length; length += 1) {
      expect(readFirstBytes(login.subarray(0, length)), `${length} bytes`).toEqual({ state: 'more', short: false });
    }
    expect(accepted(Buffer.concat([login, latin('more')])).bytes).toBe(login.length);
  });

  it.each([
    ['left of a name', '\x00\x2fL alice    secret2026112101                  42'],
    ['right of a number', '\x00\x2fLalice secret    202611210142                  '],
    ['on both sides', '\x00\x2fL alicesecret    2026112101         42         '],
  ])('may have their pads %s', (_, text) => {
    const { user, password, sequence } = accepted(latin(text)).login;
    expect({ user, password, sequence }).toEqual({ user: 'alice', password: 'secret', sequence: 42 });
  });

  it('may have zeros for pads of a number, and blanks for a user, a password and a session', () => {
    const blank = latin(`\x00\x2fL${' '.repeat(26)}00000000000000000042`);
    expect(accepted(blank).login).toEqual({ user: '', password: '', session: '', sequence: 42, short: false });
  });

  it('may ask for a number that no session has reached: as many digits as there is room for', () => {
    const far = latin(`\x00\x2fL${' '.repeat(26)}${'9'.repeat(20)}`);
    expect(accepted(far).login.sequence).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each([
    ['a length of 46', `\x00\x2eL${' '.repeat(25)}${'1'.padStart(20)}`, /SoupBinTCP 3.00: its length is 46, not 47/],
    ['a length of 52', '\x00\x34L', /its length is 52, not 47/],
    ['36 characters', `L${' '.repeat(25)}${'1'.padStart(10)}\n`, /SoupTCP 2.00: it has 36 characters, not 37/],
    ['38 characters', `L${' '.repeat(27)}${'1'.padStart(10)}\n`, /it has 38 characters, not 37/],
    ['no line feed', `L${' '.repeat(40)}`, /no line feed follows its 37 characters/],
    ['a blank number', `\x00\x2fL${' '.repeat(46)}`, /its sequence number is "", not digits/],
    ['a negative number', `\x00\x2fL${' '.repeat(26)}${'-1'.padStart(20)}`, /is "-1", not digits/],
    ['a number with a pad inside', `L${' '.repeat(26)}${'1 0'.padStart(10)}\n`, /is "1 0", not digits/],
    ['a pad of zero bytes', `\x00\x2fL${' '.repeat(26)}${'1'.padStart(20, '\0')}`, /is "\?{19}1", not digits/],
  ])('are no login, and are told so, with %s', (_, text, why) => {
    const { code, reject, message } = refusal(latin(text));
    expect({ code, reject }).toEqual({ code: 'ERR_BAD_MESSAGE', reject: 'S' });
    expect(message).toMatch(why);
  });

  it.each([
    ['Unsequenced Data of SoupBinTCP', '\x00\x03Uhi'],
    ['a heartbeat of SoupBinTCP', '\x00\x01R'],
    ['a long packet of SoupBinTCP', '\x01\x00U'],
    ['Unsequenced Data of SoupTCP', 'Uhi\n'],
    ['a heartbeat of SoupTCP', 'R\n'],
    ['a request of HTTP', 'GET / HTTP/1.1\r\n'],
    ['a hello of TLS', '\x16\x03\x01\x02\x00\x01'],
  ])('are refused when they are %s instead of a login', (_, text) => {
    expect(refusal(latin(text))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reject: undefined });
  });

  it('are refused when they are a frame of the native protocol, whose length starts with zeros', () => {
    expect(refusal(latin('\x00\x00\x00\x2a\x92\x01'))).toMatchObject({
      code: 'ERR_BAD_FRAME',
      message: expect.stringContaining('the native protocol'),
    });
  });
});

describe('the short login', () => {
  const short = { user: '', password: '', session: 'S01', sequence: 1, short: true };

  it('is all there was when nothing follows', () => {
    expect(readFirstBytes(latin('LS010001'))).toEqual({ state: 'more', short: true });
    expect(accepted(latin('LS010001'), true)).toEqual({ state: 'login', dialect: soupTcp, login: short, bytes: 8 });
  });

  it.each(['LS010001\n', 'LS010001\r\n'])('needs no waiting with an end behind it: %j', (text) => {
    expect(accepted(latin(text))).toEqual({ state: 'login', dialect: soupTcp, login: short, bytes: text.length });
  });

  it('may have a number of up to ten digits when it has an end', () => {
    expect(accepted(latin('LS0212345\n')).login).toMatchObject({ session: 'S02', sequence: 12_345 });
    expect(accepted(latin('LS021234567890\n')).login).toMatchObject({ sequence: 1_234_567_890 });
    expect(refusal(latin('LS0212345678901\n')).code).toBe('ERR_BAD_MESSAGE');
    expect(refusal(latin('LS02123\n')).code).toBe('ERR_BAD_MESSAGE');
  });

  it('is not taken for all when more follows: it was the start of a longer one', () => {
    const login = latin(`LS01000${'1pass'.padEnd(10)}${'2026112101'}${'42'.padStart(10)}\n`);
    expect(readFirstBytes(login.subarray(0, 8))).toEqual({ state: 'more', short: true });
    expect(readFirstBytes(login.subarray(0, 9), true)).toEqual({ state: 'more', short: false });
    expect(accepted(login).login).toMatchObject({ user: 'S01000', password: '1pass', sequence: 42, short: false });
  });

  it.each(['LS0X0001', 'LT010001', 'LS01000 ', 'ls010001'])('is not taken for one: %j', (text) => {
    const found = readFirstBytes(latin(text), true);
    expect(found.state === 'more' ? found.short : found.state).not.toBe(true);
    expect(found.state).not.toBe('login');
  });
});
