import { onTestFinished } from 'vitest';
import { type InputConfig, readInputs } from '../../../actors/inputs/input-config.js';
import type { InputLine } from '../../../actors/inputs/supervised-input.js';
import { defaultServerConfig, type ServerConfig } from '../../../actors/server-config.js';
import { startServer } from '../../../actors/start-server.js';
import { openRelay } from '../../../cli/relay.js';
import { type Client, connect } from '../../../client/index.js';
import { eventually, within } from '../../support/deadline.js';
import { LogLines } from '../../support/log-lines.js';
import { directoryOfTest } from './reading.js';

/** A server with inputs, and a client that looks at it. */
export class ServerWithInputs {
  readonly port: number;
  readonly soupPort: number | undefined;
  readonly data: string;
  readonly log: LogLines;
  readonly client: Client;
  readonly stop: () => Promise<void>;

  private constructor(parts: Pick<ServerWithInputs, 'port' | 'soupPort' | 'data' | 'log' | 'client' | 'stop'>) {
    this.port = parts.port;
    this.soupPort = parts.soupPort;
    this.data = parts.data;
    this.log = parts.log;
    this.client = parts.client;
    this.stop = parts.stop;
  }

  /** Start one; it is stopped after the test. @param inputs as a configuration file has them */
  static async start(inputs: object[], more: Partial<ServerConfig> = {}): Promise<ServerWithInputs> {
    const data = more.data ?? (await directoryOfTest());
    const log = new LogLines();
    const { sources = ['main'] } = more;
    const generator = { ...defaultServerConfig.generator, rate: 0 };
    const configs: InputConfig[] = readInputs(inputs, data, sources);
    const base = { ...defaultServerConfig, durability: 'os', port: 0, diskReserveBytes: 0 } as const;
    const server = await startServer({ ...base, generator, ...more, data, inputs: configs }, log.logger, { openRelay });
    onTestFinished(() => server.stop());
    const client = await connect({ port: server.port, reconnect: false, publisher: 'test' });
    onTestFinished(() => client.close());
    const { port, soupPort } = server;
    return new ServerWithInputs({ port, soupPort, data, log, client, stop: () => server.stop() });
  }

  /** The texts from 1 to `lastSeq` of a session; the active one unless another is named. */
  async texts(lastSeq: number, { source = 'main', session }: { source?: string; session?: string } = {}) {
    const texts: string[] = [];
    const subscription = this.client.subscribe({ source, from: 1, wait: true, ...(session && { session }) });
    const read = async () => {
      for await (const { seq, payload } of subscription) {
        texts.push(Buffer.from(payload).toString());
        if (seq === lastSeq) break;
      }
    };
    await within(read(), () => `message ${lastSeq}, after ${JSON.stringify(texts.slice(-3))}`);
    return texts;
  }

  /** A client that publishes to another source than the first. */
  async publisherOf(source: string): Promise<Client> {
    const client = await connect({ port: this.port, source, reconnect: false, publisher: 'test' });
    onTestFinished(() => client.close());
    return client;
  }

  /** The line of an input in an inspection, once it is so. */
  input(name: string, is: (line: InputLine) => boolean): Promise<InputLine> {
    const look = async () => {
      const { inputs } = (await this.client.inspect()) as unknown as { inputs: InputLine[] };
      const line = inputs.find((input) => input.name === name);
      return line && is(line) ? line : undefined;
    };
    return eventually(look, `input ${name}`);
  }
}
