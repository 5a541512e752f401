import { timingSafeEqual } from 'node:crypto';
import { type SoupLogin, soupLimits } from '../../protocol/soup/index.js';

/** Who may log in; what is absent is not asked for. */
export interface SoupCredentials {
  user?: string | undefined;
  password?: string | undefined;
}

/**
 * Whether a login has the user and the password that are configured. How long it takes does not depend on where they
 * differ. SoupBinTCP 3.00, 2.3.1: neither is case-sensitive, and spaces around them are pads.
 */
export function isAuthorised(login: Pick<SoupLogin, 'user' | 'password'>, expected: SoupCredentials): boolean {
  const { userBytes, passwordBytes } = soupLimits;
  const user = isEqual(login.user, expected.user, userBytes);
  const password = isEqual(login.password, expected.password, passwordBytes);
  return user && password;
}

function isEqual(found: string, expected: string | undefined, length: number): boolean {
  return timingSafeEqual(field(found, length), field(expected ?? found, length));
}

function field(text: string, length: number): Buffer {
  return Buffer.from(text.toUpperCase().padEnd(length).slice(0, length), 'latin1');
}
