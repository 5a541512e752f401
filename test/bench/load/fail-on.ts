import type { ServerMessage } from '../../../protocol/index.js';

/** @throws Error when a message says that something went wrong: then there is nothing to measure */
export function failOn(message: ServerMessage): void {
  if (message.type !== 'ERROR' && message.type !== 'REJECTED' && message.type !== 'REFUSED') return;
  throw new Error(`${message.code}: ${message.message}`);
}
