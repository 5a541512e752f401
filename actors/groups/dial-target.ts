import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { ProtocolError } from '../../protocol/index.js';
import type { DialTargets } from './group-config.js';

/**
 * The address of a host a participant has named, if the server may connect to it. The name is looked up once, and it is
 * that address that is allowed, and connected to.
 * @param from the address the command came from
 * @throws ProtocolError `ERR_ADDRESS_REFUSED`, `ERR_UNREACHABLE`
 */
export async function dialTarget(host: string | undefined, from: string, targets: DialTargets): Promise<string> {
  const sender = plainAddress(from);
  const address = host === undefined ? sender : await addressOf(host);
  if (targets === 'any') return address;
  const allowed = targets === 'same-address' ? [sender] : targets.map(plainAddress);
  if (allowed.includes(address)) return address;
  const message = `the server may connect to ${allowed.join(', ') || 'no address'}; found ${address}`;
  throw new ProtocolError('ERR_ADDRESS_REFUSED', message);
}

/** An IPv4 address as such, though it came over a socket for both. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

async function addressOf(host: string): Promise<string> {
  try {
    return plainAddress((await lookup(host)).address);
  } catch (error) {
    throw new ProtocolError('ERR_UNREACHABLE', `${host} has no address: ${(error as Error).message}`, { cause: error });
  }
}
