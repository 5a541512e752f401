import { describe, expect, it } from 'vitest';
import { decodeError, encodeError } from '../../../actors/runtime/encoded-error.js';
import { ActorError } from '../../../actors/runtime/index.js';

function overTheWire(thrown: unknown): Error {
  return decodeError(JSON.parse(JSON.stringify(encodeError(thrown))) as ReturnType<typeof encodeError>);
}

describe('an error that crosses a fork', () => {
  it('keeps name, message, code, stack and other fields', () => {
    const error = Object.assign(new ActorError('ERR_MAILBOX_FULL', 'Echo', 'full'), { depth: 3 });
    const received = overTheWire(error);
    expect(received).toBeInstanceOf(Error);
    expect(received).toMatchObject({ name: 'ActorError', message: 'full', code: 'ERR_MAILBOX_FULL', depth: 3 });
    expect(received.stack).toBe(error.stack);
  });

  it('keeps its causes, but not without end', () => {
    const error = new Error('outer', { cause: new Error('inner') });
    expect(overTheWire(error).cause).toMatchObject({ message: 'inner' });
    const endless = new Error('endless');
    endless.cause = endless;
    expect(overTheWire(endless).message).toBe('endless');
  });

  it('leaves out fields that are not JSON', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const received = overTheWire(Object.assign(new Error('x'), { circular, big: 1n, run: () => 1, fine: [1] }));
    expect(Object.keys(received).sort()).toEqual(['fine', 'name']);
  });

  it('is an error even when something else was thrown', () => {
    expect(overTheWire('a string').message).toBe('thrown value: a string');
    expect(overTheWire(undefined).message).toBe('thrown value: undefined');
  });
});
