import { positionKey } from './keys.js';
import type { LevelHandle, Operation } from './level.js';

/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** How far an input is. It is written in the batch of the block that holds what it brought last. */
export interface InputPosition {
  /** Batches it has brought in all, this one included. */
  batches: number;
  /** The session the last one went into. */
  session: string;
  /** Where it goes on, in its own words. */
  position: JsonValue;
  /** Why the session is to end behind this batch, when it is. */
  endOfDay?: string;
}

/** The write that puts on record how far an input is. */
export function positionWrite(source: string, input: string, position: InputPosition): Operation {
  return { type: 'put', key: positionKey(source, input), value: Buffer.from(JSON.stringify(position)) };
}

/**
 * What is on record of an input; `undefined` when nothing is.
 * @throws Error that names the input whose record is damaged
 */
export async function readInputPosition(
  level: LevelHandle,
  source: string,
  input: string,
): Promise<InputPosition | undefined> {
  const value = await level.get(positionKey(source, input));
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value.toString()) as InputPosition;
  } catch {
    throw new Error(`the position of input ${input} of source ${source} is damaged`);
  }
}
