import type { Socket } from 'node:net';
import { Packr } from 'msgpackr';
import { FrameReader, lengthPrefixBytes, limits, ProtocolError } from '../../protocol/index.js';

/** What travels with a link message besides its fields: whole blocks, as they are. */
export interface LinkMessage {
  topic: string;
  fields: Record<string, unknown>;
  blocks: Buffer[];
}

/** What a link does with what it hears. */
export interface LinkHandlers {
  /** Answer a call; what it throws reaches the caller with its code. */
  call(message: LinkMessage): Promise<LinkReply>;
  /** Take a notice; there is no answer. */
  notice(message: LinkMessage): void;
  /** Everything written has been taken. */
  drained?(): void;
  /** What was heard could not be read or taken: an error of this program. The link is closed behind it. */
  broken?(error: Error): void;
  /** The other side is gone; called once. */
  closed(error: Error): void;
}

/** Answer to a call. */
export interface LinkReply {
  fields: Record<string, unknown>;
  blocks?: Buffer[];
}

interface PendingCall {
  resolve(reply: LinkMessage): void;
  reject(error: Error): void;
}

/** Head of a link message: kind, call number, topic, fields, number of blocks that follow. */
type Head = ['call' | 'reply' | 'error' | 'notice', number, string, Record<string, unknown>, number];

const packr = new Packr({ useRecords: false, int64AsType: 'number' });

/**
 * The data socket between two processes of one server: calls, answers and notices, each of which may carry blocks.
 * Blocks are written as they are and arrive as views of what was read; nothing on the way decodes them. Both ends are
 * processes of the same build, so there is no version and no hostile input; a frame that cannot be read ends the link.
 */
export class Link {
  readonly #socket: Socket;
  readonly #handlers: LinkHandlers;
  readonly #reader = new FrameReader(limits.frameBytesMax * 2);
  readonly #pending = new Map<number, PendingCall>();
  #lastCall = 0;
  #partial: { head: Head; blocks: Buffer[] } | undefined;
  #closed: Error | undefined;

  constructor(socket: Socket, handlers: LinkHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => handlers.drained?.());
    socket.on('error', (error) => this.#close(error));
    socket.on('close', () => this.#close(new Error('data socket closed')));
  }

  /** Bytes written that the other process has not taken yet. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Ask the other process; rejects with what its handler threw, or when the link closes. */
  call(topic: string, fields: Record<string, unknown>, blocks: Buffer[] = []): Promise<LinkMessage> {
    if (this.#closed) return Promise.reject(this.#closed);
    const number = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
      this.#write(['call', number, topic, fields, blocks.length], blocks);
    });
  }

  /** Tell the other process; lost when the link is closed, which both ends notice. */
  notify(topic: string, fields: Record<string, unknown>, blocks: readonly Buffer[] = []): void {
    if (!this.#closed) this.#write(['notice', 0, topic, fields, blocks.length], blocks);
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(head: Head, blocks: readonly Buffer[]): void {
    const body = packr.pack(head);
    const prefix = Buffer.allocUnsafe(lengthPrefixBytes);
    prefix.writeUInt32BE(body.length);
    this.#socket.cork();
    this.#socket.write(prefix);
    this.#socket.write(body);
    for (const block of blocks) this.#socket.write(block);
    this.#socket.uncork();
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
      for (let frame = this.#reader.take(); frame; frame = this.#reader.take()) this.#frame(frame);
    } catch (error) {
      this.#handlers.broken?.(error as Error);
      this.#close(error as Error);
    }
  }

  #frame(frame: Buffer): void {
    if (this.#partial) this.#partial.blocks.push(frame);
    else this.#partial = { head: packr.unpack(frame.subarray(lengthPrefixBytes)) as Head, blocks: [] };
    const { head, blocks } = this.#partial;
    if (blocks.length < head[4]) return;
    this.#partial = undefined;
    this.#message(head, blocks);
  }

  #message([kind, number, topic, fields]: Head, blocks: Buffer[]): void {
    const message = { topic, fields, blocks };
    if (kind === 'notice') return this.#handlers.notice(message);
    if (kind === 'call') return void this.#answer(number, message);
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    if (kind === 'reply') pending?.resolve(message);
    else pending?.reject(revive(fields));
  }

  async #answer(number: number, message: LinkMessage): Promise<void> {
    try {
      const { fields, blocks = [] } = await this.#handlers.call(message);
      if (!this.#closed) this.#write(['reply', number, message.topic, fields, blocks.length], blocks);
    } catch (error) {
      const { name, code, message: text } = error as Error & { code?: string };
      if (!this.#closed)
        this.#write(['error', number, message.topic, { name, code: code ?? null, message: text }, 0], []);
    }
  }

  #close(error: Error): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#socket.destroy();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#handlers.closed(error);
  }
}

/** An error as the other process threw it. */
function revive(fields: Record<string, unknown>): Error {
  const message = String(fields.message);
  if (fields.name === 'ProtocolError') return new ProtocolError(fields.code as ProtocolError['code'], message);
  return Object.assign(new Error(message), { code: fields.code ?? undefined });
}
