import { Packr } from 'msgpackr';
import { checkMsgpack } from './check-msgpack.js';
import { ProtocolError } from './errors.js';
import { lengthPrefixBytes } from './frame-reader.js';
import type { ClientMessage, ServerMessage } from './messages.js';
import { type Fields, firstBadField, isMap, schema } from './schema.js';
import { FrameType } from './types.js';

/** The default records of msgpackr are unreadable for other libraries, and its int64 would come as BigInt. */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  int64AsType: 'number',
});

const typeNames = new Map<number, string>(Object.entries(FrameType).map(([name, code]) => [code, name]));
const clientTypes = new Set([
  'LOGIN',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'REREQUEST',
  'SESSIONS',
  'INSPECT',
  'ARCHIVE',
  'ROLL',
  'GROUP',
  'DELIVERED',
  'MEMBERS',
  'DISCARD',
  'HEARTBEAT',
]);

/** Name of a frame type, for log lines and errors. */
export function frameTypeName(code: number): string {
  return typeNames.get(code) ?? `type ${code}`;
}

/**
 * Type code of a frame, read without decoding it.
 * @param frame the frame, length prefix included
 * @throws ProtocolError `ERR_BAD_MESSAGE` when the body is not a non-empty msgpack array that starts with a small integer
 */
export function frameType(frame: Buffer): number {
  const marker = frame[lengthPrefixBytes]!;
  const code = frame[lengthPrefixBytes + 1];
  if (marker < 0x91 || marker > 0x9f || code === undefined || code > 0x7f) {
    throw new ProtocolError('ERR_BAD_MESSAGE', 'frame is not a msgpack array that starts with its type');
  }
  return code;
}

/** Encode a control message as one frame, length prefix included. */
export function encodeMessage(message: ClientMessage | ServerMessage): Buffer {
  const { type, ...fields } = message;
  const body = packr.pack([FrameType[type], wireValue(fields)]);
  const frame = Buffer.allocUnsafe(lengthPrefixBytes + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, lengthPrefixBytes);
  return frame;
}

/**
 * Decode a control frame a client sent.
 * @throws ProtocolError `ERR_UNKNOWN_TYPE`, `ERR_BAD_MESSAGE`
 */
export function decodeClientMessage(frame: Buffer): ClientMessage {
  const message = decode(frame);
  if (!clientTypes.has(message.type)) {
    throw new ProtocolError('ERR_UNKNOWN_TYPE', `${message.type} is not for a client to send`);
  }
  return message as ClientMessage;
}

/**
 * Decode a control frame a server sent.
 * @throws ProtocolError `ERR_UNKNOWN_TYPE`, `ERR_BAD_MESSAGE`
 */
export function decodeServerMessage(frame: Buffer): ServerMessage {
  const message = decode(frame);
  if (clientTypes.has(message.type) && message.type !== 'HEARTBEAT') {
    throw new ProtocolError('ERR_UNKNOWN_TYPE', `${message.type} is not for a server to send`);
  }
  return message as ServerMessage;
}

function decode(frame: Buffer): { type: string } {
  const code = frameType(frame);
  const type = typeNames.get(code);
  const fields: Fields | undefined = type === undefined ? undefined : (schema as Record<string, Fields>)[type];
  if (type === undefined || fields === undefined) {
    throw new ProtocolError(
      'ERR_UNKNOWN_TYPE',
      `${frameTypeName(code)} is not a control message of this protocol version`,
    );
  }
  const body = unpack(frame.subarray(lengthPrefixBytes), type);
  const values: unknown = Array.isArray(body) && body.length === 2 ? body[1] : undefined;
  if (!isMap(values)) {
    throw new ProtocolError('ERR_BAD_MESSAGE', `${type} is not an array of its type and a map of fields`);
  }
  const wrong = firstBadField(values, fields);
  if (wrong !== undefined) throw new ProtocolError('ERR_BAD_MESSAGE', `${type}: ${wrong}`);
  const message: Record<string, unknown> = { type };
  for (const name of Object.keys(fields)) {
    if (values[name] !== undefined && values[name] !== null) message[name] = values[name];
  }
  return message as { type: string };
}

/**
 * msgpackr reads more than the wire allows (records, dates, regular expressions, 0xc1, invalid UTF-8), so it only gets
 * to see what was checked before.
 */
function unpack(body: Buffer, type: string): unknown {
  try {
    checkMsgpack(body);
    return packr.unpack(body);
  } catch (error) {
    throw new ProtocolError('ERR_BAD_MESSAGE', `${type} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * What msgpackr should be given: absent fields left out of maps, and integers beyond 32 bits as BigInt, because it
 * would write them as float64.
 */
function wireValue(value: unknown): unknown {
  if (typeof value === 'number') return value > 0xffff_ffff && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(wireValue);
  if (typeof value !== 'object' || value === null) return value;
  const map: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const field = (value as Record<string, unknown>)[name];
    if (field !== undefined) map[name] = wireValue(field);
  }
  return map;
}
