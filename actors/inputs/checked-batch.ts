import { binHeaderBytes, blockPayloadBytesMax, limits } from '../../protocol/index.js';
import type { JsonValue } from '../../storage/index.js';
import { InputError } from './input-error.js';
import type { ContinuedSession, InputBatch } from './input-source.js';

/** A batch that can be fed. */
export interface CheckedBatch extends Omit<InputBatch, 'payloads'> {
  payloads: Uint8Array[];
}

/** A position is written with every batch. */
const positionBytesMax = 64 * 1024;

/**
 * Look at what an input has brought; it may be anybody's code.
 * @throws InputError `ERR_INPUT_BATCH`
 */
export function checkedBatch(batch: InputBatch): CheckedBatch {
  if (typeof batch !== 'object' || batch === null || !Array.isArray(batch.payloads)) {
    throw wrong('expected { payloads: […], position }', batch);
  }
  const payloads = batch.payloads.map(checkedPayload);
  checkFits(payloads);
  checkPosition(batch.position);
  const { position, endOfDay, session, epoch, firstSeq } = batch;
  if (endOfDay !== undefined) checkReason('endOfDay', endOfDay);
  if (session !== undefined) checkName('session', session);
  if (epoch !== undefined) checkName('epoch', epoch);
  if (firstSeq !== undefined) checkNumber(firstSeq);
  return { payloads, position, endOfDay, session, epoch, firstSeq };
}

/**
 * Look at what an input says of a session that is not to be used.
 * @throws InputError `ERR_INPUT_BATCH`
 */
export function checkDiscard({ session, epoch }: ContinuedSession, reason: string): void {
  checkName('session', session);
  checkName('epoch', epoch);
  checkReason('reason', reason);
}

function checkedPayload(payload: unknown): Uint8Array {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  if (!(bytes instanceof Uint8Array)) throw wrong('expected payloads that are Uint8Array or text', payload);
  if (bytes.length <= limits.payloadBytesMax) return bytes;
  throw wrong(`expected a payload of at most ${limits.payloadBytesMax} bytes`, bytes.length);
}

function checkFits(payloads: readonly Uint8Array[]): void {
  let bytes = 0;
  for (const { length } of payloads) bytes += binHeaderBytes(length) + length;
  if (payloads.length > limits.blockMessagesMax || (payloads.length > 1 && bytes > blockPayloadBytesMax)) {
    const found = `${payloads.length} of ${bytes} bytes together`;
    throw wrong(
      `expected at most ${limits.blockMessagesMax} payloads of ${blockPayloadBytesMax} bytes together, or one`,
      found,
    );
  }
}

/** It is told to all who read the session, and stays in the catalogue. */
function checkReason(field: string, reason: unknown): void {
  if (typeof reason !== 'string') throw wrong(`expected ${field} to be a text`, reason);
  const { reasonBytesMax } = limits;
  const bytes = Buffer.byteLength(reason);
  if (reason.trim() === '' || bytes > reasonBytesMax) {
    throw wrong(`expected ${field} to be a reason of 1 to ${reasonBytesMax} bytes`, `${bytes} bytes`);
  }
}

/** It is in every answer that has the session. */
function checkName(field: string, name: unknown): void {
  const { nameBytesMax } = limits;
  if (typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= nameBytesMax) return;
  throw wrong(`expected ${field} to be a name of 1 to ${nameBytesMax} bytes`, name);
}

function checkNumber(firstSeq: unknown): void {
  if (Number.isSafeInteger(firstSeq) && (firstSeq as number) >= 1) return;
  throw wrong('expected firstSeq to be a number from 1 on', firstSeq);
}

function checkPosition(position: JsonValue): void {
  const json: string | undefined = JSON.stringify(position);
  if (json === undefined) throw wrong('expected a position that JSON can hold', position);
  if (json.length > positionBytesMax)
    throw wrong(`expected a position of at most ${positionBytesMax} bytes`, json.length);
}

function wrong(expected: string, found: unknown): InputError {
  const text = typeof found === 'object' ? JSON.stringify(found) : String(found);
  return new InputError('ERR_INPUT_BATCH', `${expected}, found ${String(text).slice(0, 100)}`);
}
