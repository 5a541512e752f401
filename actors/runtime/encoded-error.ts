/** An error as JSON values. */
export interface EncodedError {
  name: string;
  message: string;
  stack?: string;
  /** Own enumerable fields, `code` among them. */
  fields: Record<string, unknown>;
  cause?: EncodedError;
}

const causesMax = 5;

/** Describe an error, or whatever was thrown, so that it can cross to another process. */
export function encodeError(thrown: unknown, depth = 0): EncodedError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: `thrown value: ${String(thrown)}`, fields: {} };
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(thrown)) {
    if (key !== 'name' && isJson(value)) fields[key] = value;
  }
  return {
    name: thrown.name,
    message: thrown.message,
    ...(thrown.stack === undefined ? {} : { stack: thrown.stack }),
    fields,
    ...(thrown.cause instanceof Error && depth < causesMax ? { cause: encodeError(thrown.cause, depth + 1) } : {}),
  };
}

/** The Error an {@link EncodedError} describes. Its class is lost; `name`, `code` and the other fields are kept. */
export function decodeError(encoded: EncodedError): Error {
  const error = new Error(encoded.message, encoded.cause ? { cause: decodeError(encoded.cause) } : undefined);
  error.name = encoded.name;
  if (encoded.stack !== undefined) error.stack = encoded.stack;
  return Object.assign(error, encoded.fields);
}

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}
