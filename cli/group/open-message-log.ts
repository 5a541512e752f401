import { CliError } from '../cli-error.js';
import { ExitCode } from '../exit-codes.js';
import { openDurableFile } from './durable-file.js';
import { lockFile } from './file-lock.js';
import { MessageLog, MessageLogError } from './message-log.js';

/** A message log on disk that is this process's alone. */
export interface OpenMessageLog {
  log: MessageLog;
  close(): Promise<void>;
}

/**
 * Open a message log, its position (`NAME.position`) and its lock (`NAME.lock`) beside it.
 * @throws CliError when another process has it, when it cannot be written, or was changed by somebody else
 */
export async function openMessageLog(name: string): Promise<OpenMessageLog> {
  const closing: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const lock = lockFile(`${name}.lock`);
    if ('heldBy' in lock) {
      const message = `message log ${name} is written by process ${lock.heldBy}: end it, or name another log`;
      throw new CliError(ExitCode.unavailable, message);
    }
    closing.push(() => lock.release());
    const position = await openDurableFile(`${name}.position`);
    closing.push(() => position.close());
    const log = await openDurableFile(name);
    closing.push(() => log.close());
    return { log: await MessageLog.open({ log, position, name }), close };
  } catch (error) {
    await close();
    throw messageLogFailure(error, name);
  }
}

/** Why a message log cannot be used, as one line and an exit status; another error as it is. */
export function messageLogFailure(error: unknown, name: string): unknown {
  if (error instanceof MessageLogError) return new CliError(ExitCode.configuration, error.message, { cause: error });
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new CliError(ExitCode.unavailable, `cannot write the message log ${name}: ${message}`, { cause: error });
}
