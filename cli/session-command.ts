import path from 'node:path';
import type { SessionReport } from '../client/index.js';
import { archiveSuffix } from '../storage/archive/index.js';
import { UsageError } from './cli-error.js';
import type { CommandInput, CommandOption } from './command.js';
import { jsonText } from './escape-controls.js';
import { clientSettings, openClient, sourceOption, tellOutages } from './open-client.js';
import { Output } from './output.js';
import { reportText } from './report-text.js';

/** Settings of the commands that are about one session, of a running server or of a stopped one. */
export const sessionSettings = [...clientSettings, 'data'] as const;

/** Options of these commands. */
export const sessionOptions: readonly CommandOption[] = [
  { ...sourceOption, description: 'source of the session' },
  { flag: 'json', description: 'as one JSON object' },
];

/** What their help says of `--data`. */
export const offlineNote =
  'A running server is asked to do it, unless --data is given: then it is done here, with the data of a server that is stopped.';

/** The session, or the archive, that a command is about. */
export function sessionArgument({ positionals }: CommandInput, what: string): string {
  const [argument] = positionals;
  if (argument === undefined || argument === '') throw new UsageError(`${what} is missing`);
  return argument;
}

/** The path of the archive an argument names, which may be called anything in a directory; `undefined`: a session. */
export function archivePath(argument: string, { terminal }: CommandInput): string | undefined {
  const isPath = argument.endsWith(archiveSuffix) || argument.includes(path.sep);
  return isPath ? path.resolve(terminal.cwd, argument) : undefined;
}

/** Ask the server of the configuration to do something with a session. */
export async function askServer(
  input: CommandInput,
  action: 'archive' | 'restore' | 'verify',
  session: string,
): Promise<SessionReport> {
  const client = await openClient(input, { publishes: false });
  tellOutages(client, input.terminal);
  try {
    return await client[action]({ session, signal: input.terminal.interrupted });
  } finally {
    await client.close();
  }
}

/** Print what was done. */
export async function printReport({ options, terminal }: CommandInput, done: string, report: SessionReport) {
  const output = new Output(terminal.stdout);
  for (const line of options.has('json') ? [jsonText(report)] : reportText(done, report)) output.line(line);
  await output.end();
}
