import { readFileSync } from 'node:fs';
import { rssAnonBytes } from '../../system/support/processes.js';

export { rssAnonBytes };

const pageBytes = 4096;
const everyMs = 50;

/** Bytes the kernel holds for TCP connections: both ends, of the whole machine. */
export function socketBytes(): number {
  const pages = /^TCP: .* mem (\d+)$/m.exec(readFileSync('/proc/net/sockstat', 'latin1'))?.[1];
  if (pages === undefined) throw new Error('the kernel does not say what its sockets take');
  return Number(pages) * pageBytes;
}

/** The most that a process had of its own, and the kernel for connections, since the watch began. */
export class MemoryWatch {
  rssAnonBytesMax = 0;
  socketBytesMax = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      this.rssAnonBytesMax = Math.max(this.rssAnonBytesMax, rssAnonBytes(pid));
      this.socketBytesMax = Math.max(this.socketBytesMax, socketBytes());
    }, everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
