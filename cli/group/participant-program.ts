import { LatecomerError, type Membership, Participant } from '../../client/index.js';
import { escapeControls } from '../escape-controls.js';
import { payloadText } from '../message-line.js';
import type { MessageLog } from './message-log.js';
import type { ParticipantFile } from './participant-file.js';
import { type PromptCommand, promptHelp } from './prompt-command.js';

/** What a participant program needs around it. */
export interface ParticipantProgramParts {
  file: ParticipantFile;
  log: MessageLog;
  /** Tell what happens by itself. */
  notice(text: string): void;
  /** The message log cannot be written: nothing can be received any more. */
  failed(error: unknown): void;
}

/** Does what is typed at the prompt, and keeps the message log. */
export class ParticipantProgram {
  readonly #parts: ParticipantProgramParts;
  readonly #participant: Participant;
  /** Settled when everything that was received is in the log. */
  #received: Promise<void> = Promise.resolve();
  #isConnected = false;
  #isBroken = false;

  constructor(parts: ParticipantProgramParts) {
    this.#parts = parts;
    const { id, group, coordinator, tdMs, single } = parts.file;
    const bound = tdMs === undefined ? {} : { tdMs };
    this.#participant = new Participant({ ...coordinator, group, id, single, ...bound, name: 'latecomer-participant' });
    this.#listen();
  }

  /**
   * Do one command.
   * @returns lines to print
   * @throws LatecomerError
   */
  async run(command: PromptCommand, signal: AbortSignal): Promise<string[]> {
    switch (command.type) {
      case 'register':
      case 'reconnect':
        return [await this.#join(command.type, command.port, signal)];
      case 'disconnect':
      case 'deregister':
        return [await this.#leave(command.type, signal)];
      case 'msend': {
        const { firstSeq } = await this.#participant.msend(Buffer.from(command.message), { signal });
        return [`acknowledged, number ${firstSeq}`];
      }
      case 'help':
        return promptHelp(command.about);
      case 'quit':
        return [];
      default:
        return command satisfies never;
    }
  }

  /** Disconnect, if need be, and settle the log. @param signal gives up on telling the coordinator */
  async end(signal: AbortSignal): Promise<void> {
    if (this.#isConnected) await this.#participant.disconnect({ signal }).catch(() => {});
    await this.#received;
    await this.#participant.close();
  }

  async #join(action: 'register' | 'reconnect', listen: number | undefined, signal: AbortSignal): Promise<string> {
    const { position } = this.#parts.log;
    const options = { signal, ...(listen !== undefined && { listen }) };
    const member =
      action === 'register'
        ? await this.#participant.register(options)
        : await this.#participant.reconnect({ ...options, ...(position && { position }) });
    this.#isConnected = true;
    this.#isBroken = false;
    this.#received = this.#receive();
    return `${action}ed, ${whatComes(member)}`;
  }

  async #leave(action: 'disconnect' | 'deregister', signal: AbortSignal): Promise<string> {
    try {
      await this.#participant[action]({ signal });
    } finally {
      this.#isConnected = false;
      await this.#received;
    }
    return `${action}ed`;
  }

  /** A block is acknowledged when it is in the log: when the next one is asked for. */
  async #receive(): Promise<void> {
    try {
      for await (const block of this.#participant.blocks()) {
        const lines = [...block].map(({ payload }) => payloadText(payload));
        await this.#parts.log.append(lines, { epoch: block.epoch, seq: block.lastSeq });
      }
    } catch (error) {
      // Why a participant is out of its group is told by an event.
      if (!(error instanceof LatecomerError)) this.#parts.failed(error);
    }
  }

  #listen(): void {
    const { notice } = this.#parts;
    this.#participant.on('lost', ({ from, to, reason }) => {
      notice(`lost: ${from === to ? `message ${from}` : `messages ${from} to ${to}`} (${reason})`);
    });
    this.#participant.on('disconnected', ({ error }) => {
      if (!this.#isBroken) notice(`connection lost, reconnecting: ${failureText(error)}`);
      this.#isBroken = true;
    });
    this.#participant.on('connected', (member) => {
      if (this.#isBroken) notice(`reconnected, ${whatComes(member)}`);
      this.#isBroken = false;
    });
    this.#participant.on('left', (error) => {
      this.#isConnected = false;
      notice(`not connected any more: ${failureText(error)}`);
    });
  }
}

/** What went wrong, on one line. */
export function failureText(error: unknown): string {
  const { message, cause } = error as Error;
  const { code, address, port } = (cause ?? {}) as { code?: string; address?: string; port?: number };
  if (code === 'ECONNREFUSED') return `no coordinator listens on ${address}:${port}`;
  return escapeControls(error instanceof LatecomerError ? `${message} (${error.code})` : message);
}

function whatComes({ from, lastSeq }: Membership): string {
  const waiting = lastSeq + 1 - from;
  if (waiting <= 0) return `the next message is number ${from}`;
  return waiting === 1 ? `message ${from} was sent meanwhile` : `messages ${from} to ${lastSeq} were sent meanwhile`;
}
