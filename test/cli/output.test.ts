import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CliError } from '../../cli/cli-error.js';
import { Output } from '../../cli/output.js';
import { fakeTerminal } from './fake-terminal.js';

/** A stream that takes a chunk only when the test lets it. */
function slowStream() {
  const chunks: string[] = [];
  let taken: (error?: Error) => void = () => undefined;
  const stream = new Writable({
    highWaterMark: 1,
    decodeStrings: false,
    write: (chunk, _, callback) => {
      chunks.push(chunk);
      taken = callback;
    },
  });
  return { stream, chunks, take: (error?: Error) => taken(error) };
}

describe('Output', () => {
  it('writes the lines of a turn at once', async () => {
    const { stream, chunks, take } = slowStream();
    const output = new Output(stream);
    output.line('a');
    output.line('b');
    await new Promise(setImmediate);
    expect(chunks).toEqual(['a\nb\n']);
    take();
  });

  it('has the writer wait when much has gathered and the reader is slow', async () => {
    const { stream, take } = slowStream();
    const output = new Output(stream);
    const waiting = output.line('x'.repeat(100_000));
    let isFree = false;
    const freed = waiting?.then(() => {
      isFree = true;
    });
    await new Promise(setImmediate);
    expect(isFree).toBe(false);
    take();
    await freed;
    expect(isFree).toBe(true);
  });

  it('ends quietly when the reader goes away, and frees a writer that waits', async () => {
    const { stream, take } = slowStream();
    const output = new Output(stream);
    const waiting = output.line('x'.repeat(100_000));
    take(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await waiting;
    expect(output.closed.aborted).toBe(true);
    output.line('to nobody');
    await output.end();
  });

  it('says so when the output cannot be written for another reason', async () => {
    const { stream, take } = slowStream();
    const output = new Output(stream);
    output.line('a');
    const ended = output.end();
    take(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
    await expect(ended).rejects.toThrow(CliError);
    await expect(output.end()).rejects.toThrow('cannot write the output: no space left on device');
  });

  it('clears what stands on the terminal before text appears', async () => {
    const terminal = fakeTerminal();
    const order: string[] = [];
    const output = new Output(terminal.stdout, () => order.push('cleared'));
    terminal.stdout.on('data', () => order.push('text'));
    output.line('a');
    await output.end();
    expect(order).toEqual(['cleared', 'text']);
  });
});
