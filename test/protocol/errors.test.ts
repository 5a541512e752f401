import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorCodes, ProtocolError } from '../../protocol/index.js';

describe('ProtocolError', () => {
  test.each(Object.entries(errorCodes))('%s has the remedy %s', (code, remedy) => {
    const error = new ProtocolError(code as ErrorCode, 'what was found');
    expect(error).toMatchObject({ name: 'ProtocolError', code, remedy, message: 'what was found' });
    expect(error).toBeInstanceOf(Error);
  });

  test('keeps its cause', () => {
    const cause = new Error('below');
    expect(new ProtocolError('ERR_INTERNAL', 'above', { cause }).cause).toBe(cause);
  });
});
