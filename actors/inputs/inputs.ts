import type { Logger } from 'pino';
import { ProtocolError } from '../../protocol/index.js';
import type { Ref, Spawner } from '../runtime/index.js';
import type { UnsequencedInput } from '../soup/unsequenced-input.js';
import { DirectoryOfFiles } from './directory-of-files.js';
import { FollowedFile } from './followed-file.js';
import HttpInputActor from './http-input.js';
import InputActor, { type FedSource, type InputProtocol } from './input.js';
import type { InputConfig, RelayInputConfig, SoupInputConfig } from './input-config.js';
import type { SessionInputSource } from './input-source.js';
import { loadInput } from './module-input.js';
import SoupInputActor, { type SoupInputProtocol } from './soup-input.js';
import { processStandardInput, StandardInput } from './standard-input.js';
import { type InputLine, SupervisedInput } from './supervised-input.js';

/**
 * Makes the input that reads another server. It speaks the client's side of the wire, so whoever starts a server with
 * relays brings it.
 */
export type OpenRelay = (config: RelayInputConfig) => SessionInputSource;

/** What {@link Inputs} work with. */
export interface InputsOptions {
  configs: readonly InputConfig[];
  /** Makes the actors. */
  spawner: Spawner;
  /** The source of that name, to be fed. */
  fed(source: string): FedSource;
  openRelay: OpenRelay | undefined;
  logger: Logger;
}

const openMs = 10_000;

/** All inputs of a server, each an actor of its own that is kept running. */
export class Inputs {
  readonly #options: InputsOptions;
  readonly #inputs: SupervisedInput[];
  #soup: UnsequencedInput | undefined;

  constructor(options: InputsOptions) {
    this.#options = options;
    const { configs, logger } = options;
    this.#inputs = configs.map(
      (config) => new SupervisedInput({ config, spawn: (ended) => this.#spawn(config, ended), logger }),
    );
  }

  async start(): Promise<void> {
    await Promise.all(this.#inputs.map((input) => input.start()));
  }

  /** Nothing is read any more; what was read is being written. */
  async stop(): Promise<void> {
    await Promise.all(this.#inputs.map((input) => input.stop()));
  }

  /** Where the Unsequenced Data of Soup clients goes; `undefined` when no input takes it. */
  get unsequenced(): UnsequencedInput | undefined {
    if (!this.#options.configs.some(({ kind }) => kind === 'soup')) return undefined;
    return {
      take: async (payload, sender) => {
        if (!this.#soup) throw new ProtocolError('ERR_BUSY', 'the server has just started: send it again');
        await this.#soup.take(payload, sender);
      },
    };
  }

  inspect(): Promise<InputLine[]> {
    return Promise.all(this.#inputs.map((input) => input.inspect()));
  }

  #spawn(config: InputConfig, ended: (error: Error | undefined) => void): Promise<Ref<InputProtocol>> {
    const { spawner } = this.#options;
    const { name, source } = config;
    const fed = this.#options.fed(source);
    if (config.kind === 'soup') return this.#spawnSoup(config, fed);
    if (config.kind === 'http') {
      return spawner.spawn({ actor: HttpInputActor }, { name, parameters: { config, fed, ended } });
    }
    const options = config.kind === 'module' ? config.options : undefined;
    const open = async () => this.#open(config);
    return spawner.spawn({ actor: InputActor }, { name, parameters: { name, source, options, fed, open, ended } });
  }

  async #spawnSoup(config: SoupInputConfig, fed: FedSource): Promise<Ref<InputProtocol>> {
    const { name } = config;
    const input: Ref<SoupInputProtocol> = await this.#options.spawner.spawn(
      { actor: SoupInputActor },
      { name, parameters: { config, fed } },
    );
    this.#soup = await input.ask('open', {}, { timeoutMs: openMs });
    return input as unknown as Ref<InputProtocol>;
  }

  #open(config: Exclude<InputConfig, { kind: 'http' | 'soup' }>): SessionInputSource | Promise<SessionInputSource> {
    switch (config.kind) {
      case 'file':
        return new FollowedFile(config) as SessionInputSource;
      case 'directory':
        return new DirectoryOfFiles(config) as SessionInputSource;
      case 'stdin':
        return new StandardInput({ ...config, standardInput: processStandardInput }) as SessionInputSource;
      case 'relay':
        if (this.#options.openRelay) return this.#options.openRelay(config);
        throw new Error(`input ${config.name}: this server was started without relays`);
      case 'module':
        return loadInput(config.path);
      default:
        return config satisfies never;
    }
  }
}
