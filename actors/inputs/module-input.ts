import { pathToFileURL } from 'node:url';
import { InputError } from './input-error.js';
import type { SessionInputSource } from './input-source.js';

/**
 * The input a user's module exports as its default.
 * @throws InputError `ERR_INPUT_MODULE` when it cannot be loaded or exports none
 */
export async function loadInput(file: string): Promise<SessionInputSource> {
  const { default: input } = (await import(pathToFileURL(file).href).catch((cause: Error) => {
    throw new InputError('ERR_INPUT_MODULE', `cannot load the input module ${file}: ${cause.message}`, { cause });
  })) as { default?: Partial<SessionInputSource> };
  if (typeof input?.read === 'function') return input as SessionInputSource;
  const found = input === undefined ? 'no default export' : `a default export without one (${typeof input})`;
  throw new InputError('ERR_INPUT_MODULE', `${file}: expected a default export with a method read, found ${found}`);
}
