import { PassThrough, Readable } from 'node:stream';
import type { EndingSignal } from '../../cli/exit-codes.js';
import type { Terminal, TerminalStream } from '../../cli/terminal.js';

/** A terminal whose output can be read back and that can be interrupted. */
export interface FakeTerminal extends Terminal {
  /** What has been written to stdout so far. */
  out(): string;
  /** What has been written to stderr so far. */
  err(): string;
  /** Resolves when stdout holds this. */
  outHolds(text: string): Promise<void>;
  /** Resolves when stderr holds this. */
  errHolds(text: string): Promise<void>;
  interrupt(signal: EndingSignal): void;
}

export function fakeTerminal(
  given: { stdin?: Terminal['stdin']; env?: Terminal['env']; cwd?: string; isTTY?: boolean } = {},
): FakeTerminal {
  const interruption = new AbortController();
  const stdout = collect(given.isTTY ?? false);
  const stderr = collect(given.isTTY ?? false);
  return {
    stdin: given.stdin ?? Readable.from([]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: given.env ?? {},
    cwd: given.cwd ?? '/nowhere',
    interrupted: interruption.signal,
    abandoned: new AbortController().signal,
    out: stdout.text,
    err: stderr.text,
    outHolds: stdout.holds,
    errHolds: stderr.holds,
    interrupt: (signal) => interruption.abort(signal),
  };
}

function collect(isTTY: boolean) {
  const stream = new PassThrough() as TerminalStream & PassThrough;
  stream.isTTY = isTTY;
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
  });
  return {
    stream,
    text: () => text,
    holds: (wanted: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!text.includes(wanted)) return;
          stream.off('data', look);
          resolve();
        };
        stream.on('data', look);
        look();
      }),
  };
}
