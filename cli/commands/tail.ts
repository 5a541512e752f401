import type { Client, Subscription } from '../../client/index.js';
import { UsageError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { jsonLine, type PrintedMessage, plainLine } from '../message-line.js';
import { wholeNumber } from '../number-option.js';
import { clientSettings, openClient, sourceOption } from '../open-client.js';
import { Outages } from '../outages.js';
import { Output } from '../output.js';
import { ProgressLine } from '../progress-line.js';
import { say } from '../say.js';
import type { Terminal } from '../terminal.js';

/** What is asked for. */
interface TailRequest {
  session: string | undefined;
  from: number | undefined;
  /** Last number printed. */
  to: number;
  /** Most messages printed. */
  count: number;
  wait: boolean;
  /** Go on with the sessions behind. */
  follow: boolean;
  print: (message: PrintedMessage) => string;
}

/** `latecomer tail`: follow a source, or read a session. */
export const tail: Command = {
  name: 'tail',
  summary: 'print the messages of a source as they come, from any number on',
  usage: '[options]',
  settings: clientSettings,
  options: [
    sourceOption,
    {
      flag: 'session',
      placeholder: 'NAME',
      description: 'session to read, S01 is the first of today; the active one, and those behind it, when not given',
    },
    { flag: 'from', placeholder: 'N', description: 'first number; 0 is the newest message; live only when not given' },
    { flag: 'to', placeholder: 'N', description: 'end after this number' },
    { flag: 'count', placeholder: 'N', description: 'end after this many messages' },
    { flag: 'follow', description: 'when the session given with --session ends, go on with those behind it' },
    { flag: 'wait', description: 'when --from is beyond the next number, wait for it' },
    { flag: 'json', description: 'a JSON object a line: {"session","seq","time","payload"}' },
  ],
  positionalsMax: 0,
  notes: [
    'A line holds number, time and payload, separated by tabs. With --json a payload is a string when it is UTF-8, else {"base64":"…"}.',
    'Without --session and --to it goes on with the next session when one ends; its numbers start again from 1.',
    'What can no longer be delivered, outages of the server, and the end of a session, are told on stderr.',
  ],

  async run(input) {
    const request = requestOf(input.options);
    const client = await openClient(input, { publishes: false });
    try {
      return await follow(client, request, input.terminal);
    } finally {
      await client.close();
    }
  },
};

function requestOf(options: CommandInput['options']): TailRequest {
  const from = wholeNumber(options, 'from', 0);
  if (options.has('to') && from === undefined) {
    throw new UsageError('--to needs --from: without it tail starts behind the newest message, which may be past --to');
  }
  if (options.has('to') && options.has('follow')) throw new UsageError('--to ends in a session, --follow goes on');
  const to = wholeNumber(options, 'to', 1) ?? Number.POSITIVE_INFINITY;
  if (from !== undefined && to < from) throw new UsageError(`--to ${to} is before --from ${from}`);
  return {
    session: options.get('session') as string | undefined,
    from,
    to,
    count: wholeNumber(options, 'count', 1) ?? Number.POSITIVE_INFINITY,
    wait: options.has('wait'),
    follow: options.has('follow') || !(options.has('session') || options.has('to')),
    print: options.has('json') ? jsonLine : plainLine,
  };
}

async function follow(client: Client, request: TailRequest, terminal: Terminal): Promise<number> {
  const { session, from, wait, follow: follows } = request;
  const subscription = client.subscribe({
    ...(session === undefined ? {} : { session }),
    ...(from === undefined ? {} : { from }),
    ...(wait ? { wait } : {}),
    ...(follows ? { follow: true } : {}),
  });
  const progress = new ProgressLine(terminal.stderr);
  const output = new Output(terminal.stdout, () => progress.clear());
  const stop = AbortSignal.any([terminal.interrupted, output.closed]);
  const close = () => subscription.close();
  if (stop.aborted) close();
  else stop.addEventListener('abort', close, { once: true });
  const rewind = report(client, subscription, terminal, progress, request);
  try {
    await printAll(subscription, request, output, (name, seq) => rewind.moved(name, seq));
  } finally {
    stop.removeEventListener('abort', close);
    progress.clear();
    await output.end();
  }
  return ExitCode.done;
}

async function printAll(
  subscription: Subscription<Uint8Array>,
  { to, count, print }: TailRequest,
  output: Output,
  moved: (session: string, seq: number) => void,
): Promise<void> {
  let left = count;
  for await (const block of subscription.blocks()) {
    for (const message of block) {
      if (message.seq <= to) {
        const full = output.line(print(message));
        if (full !== undefined) await full;
        left -= 1;
      }
      if (message.seq >= to || left === 0 || output.closed.aborted) return;
    }
    moved(block.session, block.lastSeq);
  }
}

/** Tell stderr what happens to the subscription and its connection besides messages, and follow its rewinds. */
function report(
  client: Client,
  subscription: Subscription<Uint8Array>,
  terminal: Terminal,
  progress: ProgressLine,
  { to, follow: follows }: TailRequest,
): { moved(session: string, seq: number): void } {
  const tell = (text: string) => {
    progress.clear();
    say(terminal, text);
  };
  const outages = new Outages(client, tell);
  subscription.on('subscribed', ({ from }) => outages.over(`resumed at ${from}`));
  // The one behind may begin before the last messages of the one at hand are printed.
  const rewinds = new Map<string, { firstSeq: number; lastSeq: number }>();
  subscription.on('rewinding', ({ session, from, lastSeq }) => {
    rewinds.set(session, { firstSeq: from, lastSeq: Math.min(lastSeq, to) });
  });
  subscription.on('live', ({ session }) => {
    rewinds.delete(session);
    progress.clear();
  });
  subscription.on('lost', ({ session, from, to: lastLost, reason }) => {
    tell(`LOST messages ${from} to ${lastLost} of session ${session}: ${reason}`);
    if (lastLost >= to) subscription.close();
  });
  subscription.on('discarded', ({ session, reason }) => {
    tell(`session ${session} is DISCARDED, what it holds is not to be used: ${reason}`);
  });
  subscription.on('ended', ({ session, lastSeq, reason, next }) => {
    rewinds.delete(session);
    const how = `ended after message ${lastSeq}: ${reason}`;
    tell(`session ${session} ${how}${follows && next !== undefined ? `; going on with session ${next}` : ''}`);
  });
  return {
    moved: (session, seq) => {
      const rewind = rewinds.get(session);
      if (rewind !== undefined) progress.moved({ ...rewind, seq });
    },
  };
}
