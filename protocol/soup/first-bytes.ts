import { clientPacket, type Dialect } from './dialect.js';
import { quoted, readField, readSequence } from './fields.js';
import { lengthBytes, soupBin } from './soup-bin.js';
import { SoupError, type SoupErrorCode } from './soup-error.js';
import { soupLimits } from './soup-limits.js';
import { lineFeed, soupTcp } from './soup-tcp.js';

/** What a Login Request asks for. */
export interface SoupLogin {
  user: string;
  password: string;
  /** Blank: the active one. */
  session: string;
  /** The first message wanted; 0 is the newest one. */
  sequence: number;
  /** It is `L[session][number]`, which has no user, no password, and no heartbeats of the client. */
  short: boolean;
}

/** What the first bytes of a connection come to. */
export type FirstBytes =
  | {
      state: 'more';
      /** They are a whole short login, unless more follows. */
      short: boolean;
    }
  | { state: 'login'; dialect: Dialect; login: SoupLogin; bytes: number }
  | { state: 'refused'; dialect: Dialect; error: SoupError };

const { userBytes, passwordBytes, sessionBytes, binSequenceBytes, tcpSequenceBytes } = soupLimits;
const namesBytes = userBytes + passwordBytes + sessionBytes;

/** Length of a Login Request, its type included. SoupBinTCP 3.00, 2.3.1: 47. */
export const binLoginBytes = 1 + namesBytes + binSequenceBytes;
/** Length of a Login Request without its line feed. SoupTCP 2.00: 37. */
export const tcpLoginBytes = 1 + namesBytes + tcpSequenceBytes;

/** Without an end it has exactly four digits; with one it may have up to ten. */
const shortLogin = /^L(S\d\d)(\d{4})$/;
const endedShortLogin = /^L(S\d\d)(\d{4,10})\r?$/;
const shortLoginBytes = 8;

/** A packet of SoupBinTCP starts with its length, and the first one is short; a line starts with a printable type. */
const firstPrintable = 0x20;

/** What one who has sent these bytes, and no login, most likely understands. */
export function likelyDialect(bytes: Buffer): Dialect {
  return bytes.length > 0 && bytes[0]! < firstPrintable ? soupBin : soupTcp;
}

/**
 * Tell the protocols of the family apart by the first bytes of a connection, and read the login in them.
 * @param bytes all that has arrived so far
 * @param waited whether nothing has followed for `shortLoginWaitMs`
 */
export function readFirstBytes(bytes: Buffer, waited = false): FirstBytes {
  if (bytes.length === 0) return { state: 'more', short: false };
  return likelyDialect(bytes) === soupBin ? readBinLogin(bytes) : readLineLogin(bytes, waited);
}

function readBinLogin(bytes: Buffer): FirstBytes {
  if (bytes.length < lengthBytes) return { state: 'more', short: false };
  const length = bytes.readUInt16BE(0);
  if (length === 0) {
    const hint = 'packet length is 0; the native protocol, whose frames start like this, is on another port';
    return refused(soupBin, 'ERR_BAD_FRAME', hint);
  }
  if (bytes.length === lengthBytes) return { state: 'more', short: false };
  const type = bytes.toString('latin1', lengthBytes, lengthBytes + 1);
  if (type !== clientPacket.loginRequest) return noLogin(soupBin, type);
  if (length !== binLoginBytes) return badLogin(soupBin, `its length is ${length}, not ${binLoginBytes}`);
  if (bytes.length < lengthBytes + length) return { state: 'more', short: false };
  return readFields(soupBin, bytes, lengthBytes + 1, binSequenceBytes, lengthBytes + length);
}

function readLineLogin(bytes: Buffer, waited: boolean): FirstBytes {
  const type = bytes.toString('latin1', 0, 1);
  if (type !== clientPacket.loginRequest) return noLogin(soupTcp, type);
  const end = bytes.subarray(0, tcpLoginBytes + 2).indexOf(lineFeed);
  if (end === -1) return readOpenLine(bytes, waited);
  const text = bytes.toString('latin1', 0, end);
  const [, session, number] = endedShortLogin.exec(text) ?? [];
  if (session !== undefined) return readShort(session, number!, end + 1);
  const length = text.endsWith('\r') && end !== tcpLoginBytes ? end - 1 : end;
  if (length !== tcpLoginBytes) {
    return badLogin(soupTcp, `it has ${length} characters, not ${tcpLoginBytes} (or LSnn and four digits or more)`);
  }
  return readFields(soupTcp, bytes, 1, tcpSequenceBytes, end + 1);
}

/** The line has no end yet. */
function readOpenLine(bytes: Buffer, waited: boolean): FirstBytes {
  if (bytes.length > tcpLoginBytes + 1) {
    return badLogin(soupTcp, `no line feed follows its ${tcpLoginBytes} characters`);
  }
  const [, session, number] = shortLogin.exec(bytes.toString('latin1')) ?? [];
  if (session === undefined) return { state: 'more', short: false };
  return waited ? readShort(session, number!, shortLoginBytes) : { state: 'more', short: true };
}

function readShort(session: string, number: string, bytes: number): FirstBytes {
  const login = { user: '', password: '', session, sequence: Number(number), short: true };
  return { state: 'login', dialect: soupTcp, login, bytes };
}

function readFields(
  dialect: Dialect,
  bytes: Buffer,
  start: number,
  sequenceBytes: number,
  loginBytes: number,
): FirstBytes {
  const text = readField(bytes, start + namesBytes, sequenceBytes);
  const sequence = readSequence(text);
  if (sequence === undefined) return badLogin(dialect, `its sequence number is ${quoted(text)}, not digits`);
  const login = {
    user: readField(bytes, start, userBytes),
    password: readField(bytes, start + userBytes, passwordBytes),
    session: readField(bytes, start + userBytes + passwordBytes, sessionBytes),
    sequence,
    short: false,
  };
  return { state: 'login', dialect, login, bytes: loginBytes };
}

function noLogin(dialect: Dialect, type: string): FirstBytes {
  const expected = 'SoupBinTCP 3.00 or SoupTCP 2.00, a Login Request first';
  return refused(dialect, 'ERR_LOGIN_REQUIRED', `expected ${expected}; found a packet of type ${quoted(type)}`);
}

function badLogin(dialect: Dialect, why: string): FirstBytes {
  const error = new SoupError('ERR_BAD_MESSAGE', `not a Login Request of ${dialect.name}: ${why}`, { reject: 'S' });
  return { state: 'refused', dialect, error };
}

function refused(dialect: Dialect, code: SoupErrorCode, message: string): FirstBytes {
  return { state: 'refused', dialect, error: new SoupError(code, message) };
}
