import { describe, expect, it } from 'vitest';
import { CliError } from '../../cli/cli-error.js';
import { connectFailure, requestFailure } from '../../cli/request-failure.js';
import { LatecomerError } from '../../client/index.js';

const systemError = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

describe('connectFailure', () => {
  it.each([
    ['ECONNREFUSED', /^no server listens on h:7: start one with `latecomer serve`, or name another/],
    ['ENOTFOUND', /^there is no host h: name another with --host$/],
    ['ETIMEDOUT', /^cannot connect \(ERR_CONNECT\)$/],
  ])('says what to do about %s', (code, message) => {
    const error = new LatecomerError('ERR_CONNECT', 'cannot connect', { cause: systemError(code) });
    expect(connectFailure(error, 'h', 7)).toMatchObject({ exitCode: 69, message: expect.stringMatching(message) });
  });
});

describe('requestFailure', () => {
  it('tells a server that is not there from one that refuses', () => {
    const refused = requestFailure(new LatecomerError('ERR_UNKNOWN_SESSION', 'no session x'));
    expect(refused).toBeInstanceOf(CliError);
    expect(refused).toMatchObject({ exitCode: 1, message: 'no session x (ERR_UNKNOWN_SESSION)' });
    expect(requestFailure(new LatecomerError('ERR_SHUTTING_DOWN', 'bye'))).toMatchObject({ exitCode: 69 });
  });

  it('leaves bugs alone', () => {
    const bug = new TypeError('undefined is not a function');
    expect(requestFailure(bug)).toBe(bug);
  });
});
