import { once } from 'node:events';
import { addAbortSignal } from 'node:stream';
import type { Client } from '../../client/index.js';
import { limits } from '../../protocol/index.js';
import { CliError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { escapeControls } from '../escape-controls.js';
import { ExitCode } from '../exit-codes.js';
import { readLines } from '../lines.js';
import { positiveNumber } from '../number-option.js';
import { clientSettings, openClient, sourceOption } from '../open-client.js';
import { Output } from '../output.js';
import { Publishing } from '../publishing.js';
import { requestFailure } from '../request-failure.js';
import { say } from '../say.js';
import type { Terminal } from '../terminal.js';
import { WaitNotice } from '../wait-notice.js';

/** After Ctrl-C, acknowledgements that are under way are waited for this long. */
const interruptedMs = 1_000;

/** `latecomer publish`: arguments or lines become messages. */
export const publish: Command = {
  name: 'publish',
  summary: 'publish messages: the arguments, or stdin with one message a line',
  usage: '[options] [--] [MESSAGE…]',
  settings: clientSettings,
  options: [
    sourceOption,
    { flag: 'rate', placeholder: 'N', description: 'messages a second; as fast as possible when not given' },
  ],
  positionalsMax: Number.POSITIVE_INFINITY,
  notes: [
    'Ends when every message has been acknowledged, and says how many were. While the server is away or cannot take messages it waits, which stderr is told.',
  ],

  async run(input) {
    const rate = positiveNumber(input.options, 'rate');
    const { interrupted, stdout } = input.terminal;
    const given = input.positionals.map(messageOf);
    const client = await openClient(input, { publishes: true });
    try {
      const publishing = new Publishing(client, rate, interrupted, waitNotice(client, input.terminal));
      const over = AbortSignal.any([interrupted, publishing.failed]);
      const messages = given.length > 0 ? [given] : stdinLines(input, over);
      const output = new Output(stdout);
      try {
        await Promise.race([publishAll(publishing, messages, over), graceAfter(interrupted)]);
      } finally {
        output.line(reportOf(publishing));
        await output.end();
      }
      if (publishing.failed.aborted) throw requestFailure(publishing.failed.reason);
      return publishing.acknowledged === publishing.sent ? ExitCode.done : ExitCode.failed;
    } finally {
      await client.close();
    }
  },
};

/** What keeps acknowledgements away is told when it takes long: a short outage is of no interest to who publishes. */
function waitNotice(client: Client, terminal: Terminal): WaitNotice {
  const notice = new WaitNotice((text) => say(terminal, text));
  client.on('disconnected', ({ error }) => {
    notice.cause = `${error.message}; reconnecting`;
  });
  client.on('connected', () => {
    notice.cause = undefined;
  });
  client.on('postponed', ({ message, code }) => {
    notice.cause = `it cannot take messages now: ${message} (${code}); trying again`;
  });
  return notice;
}

function messageOf(argument: string, index: number): Buffer {
  const message = Buffer.from(argument);
  if (message.length <= limits.payloadBytesMax) return message;
  const found = `argument ${index + 1} is ${message.length} bytes`;
  throw new CliError(ExitCode.input, `${found}, more than ${limits.payloadBytesMax}, the largest message`);
}

function stdinLines({ terminal }: CommandInput, over: AbortSignal): AsyncIterable<Uint8Array[]> {
  if (terminal.stdin.isTTY) terminal.stderr.write('one message a line; end with Ctrl-D\n');
  return readLines(addAbortSignal(over, terminal.stdin), limits.payloadBytesMax);
}

async function publishAll(
  publishing: Publishing,
  messages: Iterable<Uint8Array[]> | AsyncIterable<Uint8Array[]>,
  over: AbortSignal,
): Promise<void> {
  try {
    await publishing.publishAll(messages);
  } catch (error) {
    // Reading stdin is given up with an error when there is no use for more of it.
    if (!over.aborted) throw error;
  } finally {
    await publishing.settle();
  }
}

async function graceAfter(interrupted: AbortSignal): Promise<void> {
  if (!interrupted.aborted) await once(interrupted, 'abort');
  await new Promise((resolve) => setTimeout(resolve, interruptedMs).unref());
}

function reportOf({ acknowledged, sent, runs }: Publishing): string {
  const counts = `acknowledged ${acknowledged} of ${sent} message${sent === 1 ? '' : 's'}`;
  const where = runs.map(
    ({ session, firstSeq, lastSeq, durability }) =>
      `session ${escapeControls(session)}, numbers ${firstSeq} to ${lastSeq}, durability ${durability}`,
  );
  return [counts, ...where].join('; ');
}
