import { Packr } from 'msgpackr';

/** How a program's values become payloads and back. */
export interface Values<T> {
  encode(value: T): Uint8Array;
  /** @param payload a view that is valid as long as it is referenced; copy it to let go of the block around it */
  decode(payload: Uint8Array): T;
}

/** Payloads as they are: bytes. The default. */
export const raw: Values<Uint8Array> = { encode: (value) => value, decode: (payload) => payload };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Values as JSON texts in UTF-8; `json as Values<Price>` names their type. */
export const json: Values<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(value) ?? 'null'),
  decode: (payload) => JSON.parse(utf8.decode(payload)),
};

/** The default records of msgpackr are unreadable for other libraries. */
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** Values in msgpack, readable by any msgpack library; `msgpack as Values<Price>` names their type. */
export const msgpack: Values<unknown> = {
  encode: (value) => packr.pack(value),
  decode: (payload) => packr.unpack(payload),
};
