import { type Client, connect } from '../client/index.js';
import { UsageError } from './cli-error.js';
import type { CommandInput, CommandOption } from './command.js';
import { Outages } from './outages.js';
import { connectFailure } from './request-failure.js';
import { say } from './say.js';
import type { Terminal } from './terminal.js';

/** Settings of every command that talks to a server. */
export const clientSettings = ['host', 'port'] as const;

/** The option of the commands that mean one source. */
export const sourceOption: CommandOption = {
  flag: 'source',
  placeholder: 'NAME',
  description: "source of the stream [LATECOMER_SOURCES: the first of them, default the server's first]",
};

/** The source a command means. */
export function sourceOf(input: CommandInput): string {
  return namedSource(input) ?? input.configuration.settings.sources[0]!;
}

/** The source that was named somewhere; `undefined` leaves it to the server. */
function namedSource({ options, configuration }: CommandInput): string | undefined {
  const isNamed = configuration.origins.get('sources') !== 'default';
  return (options.get('source') as string | undefined) ?? (isNamed ? configuration.settings.sources[0] : undefined);
}

/**
 * Connect to the server of the configuration. A connection that breaks later is made again.
 * @param publishes whether the command publishes; one that only reads can do so while the server's storage is away
 * @throws CliError when there is none, in words that say what to do
 */
export async function openClient(input: CommandInput, { publishes }: { publishes: boolean }): Promise<Client> {
  const { configuration, terminal } = input;
  const { host, port } = configuration.settings;
  const source = namedSource(input);
  if (port === 0) throw new UsageError('port 0 is for serve: give the port it printed with --port');
  try {
    return await connect({
      host,
      port,
      ...(source !== undefined && { source }),
      name: 'latecomer-cli',
      ...(!publishes && { publisher: false }),
      closeMs: 1_000,
      signal: terminal.interrupted,
    });
  } catch (error) {
    throw connectFailure(error, host, port);
  }
}

/** Tell stderr of outages, for a command that asks one question. */
export function tellOutages(client: Client, terminal: Terminal): void {
  const outages = new Outages(client, (text) => say(terminal, text));
  client.on('connected', () => outages.over('connected again'));
}
