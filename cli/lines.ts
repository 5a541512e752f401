import { CliError } from './cli-error.js';
import { ExitCode } from './exit-codes.js';

const newline = 0x0a;

/**
 * Cut a byte stream into lines, as bytes without their newline. What comes in one chunk leaves in one array, so that a
 * large input is published in large groups and a typed line at once. A last line without newline counts.
 * @param lineBytesMax memory is bounded by this and one chunk
 * @throws CliError when a line is longer
 */
export async function* readLines(
  input: AsyncIterable<Buffer | string>,
  lineBytesMax: number,
): AsyncGenerator<Buffer[]> {
  let parts: Buffer[] = [];
  let partBytes = 0;
  let lineNumber = 1;
  const add = (part: Buffer) => {
    partBytes += part.length;
    if (partBytes > lineBytesMax) {
      throw new CliError(
        ExitCode.input,
        `line ${lineNumber} is longer than ${lineBytesMax} bytes, the largest message`,
      );
    }
    parts.push(part);
  };
  const take = () => {
    const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts, partBytes);
    parts = [];
    partBytes = 0;
    lineNumber += 1;
    return line;
  };
  for await (const piece of input) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      add(chunk.subarray(start, end));
      lines.push(take());
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (parts.length > 0) yield [take()];
}
