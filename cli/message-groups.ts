import { binHeaderBytes, limits } from '../protocol/index.js';

/** A publish of many messages carries about this much; small enough for many of them to be under way. */
const groupBytesMax = 64 * 1024;

/** Messages gathered for one publish. */
export class MessageGroup {
  #messages: Uint8Array[] = [];
  #bytes = 0;

  get size(): number {
    return this.#messages.length;
  }

  /** Whether this message still fits; an empty group takes any. */
  fits(message: Uint8Array): boolean {
    if (this.size === 0) return true;
    return this.size < limits.blockMessagesMax && this.#bytes + encodedBytes(message) <= groupBytesMax;
  }

  add(message: Uint8Array): void {
    this.#messages.push(message);
    this.#bytes += encodedBytes(message);
  }

  /** All of it; the group is empty then. */
  take(): Uint8Array[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}

function encodedBytes(message: Uint8Array): number {
  return binHeaderBytes(message.length) + message.length;
}
