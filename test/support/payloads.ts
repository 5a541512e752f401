import { encodePayloads, type Payloads } from '../../protocol/index.js';

/** Payloads of these texts. */
export function texts(...values: readonly string[]): Payloads {
  return encodePayloads(values.map((value) => Buffer.from(value)));
}
