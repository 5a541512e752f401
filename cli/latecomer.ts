#!/usr/bin/env node
import { signalExitCode } from './exit-codes.js';
import { watchSignals } from './interruption.js';
import { main } from './main.js';

/** After a second Ctrl-C a command has this long to let go of what it holds. */
const abandonMs = 1_500;

// A reader that goes away (`| head`) is not a failure; commands that write much notice it and end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const interruption = watchSignals();
interruption.abandoned.addEventListener('abort', () => {
  setTimeout(() => process.exit(signalExitCode(interruption.abandoned.reason)), abandonMs);
});

const { stdin, stdout, stderr, env } = process;
const code = await main(process.argv.slice(2), { stdin, stdout, stderr, env, cwd: process.cwd(), ...interruption });
await Promise.all([stdout, stderr].map(flushed));
process.exit(code);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) resolve();
    else stream.write('', () => resolve());
  });
}
