import { describe, expect, it } from 'vitest';
import { isAuthorised } from '../../../actors/soup/credentials.js';

const expected = { user: 'alice', password: 'secret' };

describe('the user and the password of a login', () => {
  it.each([
    ['as configured', 'alice', 'secret', true],
    ['in other cases', 'ALICE', 'SeCrEt', true],
    ['another user', 'bob', 'secret', false],
    ['another password', 'alice', 'secrets', false],
    ['the start of the password', 'alice', 'secre', false],
    ['blanks', '', '', false],
    ['letters that have two in upper case', 'alice', 'secreß', false],
  ])('%s', (_, user, password, accepted) => {
    expect(isAuthorised({ user, password }, expected)).toBe(accepted);
  });

  it('are not asked for when they are not configured', () => {
    expect(isAuthorised({ user: 'anyone', password: 'anything' }, {})).toBe(true);
    expect(isAuthorised({ user: '', password: 'secret' }, { password: 'secret' })).toBe(true);
    expect(isAuthorised({ user: '', password: '' }, { password: 'secret' })).toBe(false);
    expect(isAuthorised({ user: 'alice', password: '' }, { user: 'alice' })).toBe(true);
  });
});
