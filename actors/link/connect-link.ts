import { once } from 'node:events';
import { connect } from 'node:net';
import { Link, type LinkMessage } from './link.js';

/** Which part of the server a fork hosts. */
export type LinkRole = 'Edge' | 'RewindHost';

/**
 * Connect a fork to the data socket of its server. When the link breaks the process exits: it is started anew with
 * everything fresh, so that there is no state to reconcile.
 * @param token proves that the fork belongs to the server
 * @param noticeTaker makes what takes the server's notices: the first may come with the answer to the fork's greeting
 */
export async function connectLink(
  path: string,
  token: string,
  role: LinkRole,
  noticeTaker: (link: Link) => (message: LinkMessage) => void,
): Promise<Link> {
  const socket = connect(path);
  await once(socket, 'connect');
  const link: Link = new Link(socket, {
    notice: (message) => take(message),
    call: ({ topic }) => Promise.reject(new Error(`a fork answers no calls, found ${topic}`)),
    // Uncaught, so that it is logged before the process ends.
    broken: (error) => {
      throw error;
    },
    closed: () => process.exit(0),
  });
  const take = noticeTaker(link);
  await link.call('hello', { token, role, pid: process.pid });
  return link;
}
