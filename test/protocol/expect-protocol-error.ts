import { expect } from 'vitest';
import { type ErrorCode, ProtocolError } from '../../protocol/index.js';

/** Run something that must fail with a ProtocolError of this code. */
export function expectProtocolError(code: ErrorCode, run: () => unknown): ProtocolError {
  let caught: unknown;
  try {
    run();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(ProtocolError);
  const error = caught as ProtocolError;
  expect(`${error.code}: ${error.message}`).toContain(`${code}: `);
  return error;
}

/** Run something on hostile input: it may succeed, or throw a ProtocolError, and nothing else. */
export function onlyProtocolErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    if (error.cause !== undefined && !(error.cause instanceof ProtocolError)) throw error.cause;
  }
}
