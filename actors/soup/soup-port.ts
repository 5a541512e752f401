import type { Logger } from 'pino';
import { Listener } from '../listener.js';
import type { Ref, Spawner } from '../runtime/index.js';
import type { ServerConfig } from '../server-config.js';
import SoupGatewayActor, {
  type SoupGatewayInspection,
  type SoupGatewayParameters,
  type SoupGatewayProtocol,
} from './soup-gateway.js';

/** Lines on subscriptions in one inspection. */
const linesMax = 500;
/** A gateway that takes longer to answer is shown as busy. */
const answerMs = 2_000;

/** The port for clients of the Soup family, and the gateway behind it. It is in the process that has the log. */
export class SoupPort {
  readonly gateway: Ref<SoupGatewayProtocol>;
  readonly #listener: Listener;

  private constructor(gateway: Ref<SoupGatewayProtocol>, listener: Listener) {
    this.gateway = gateway;
    this.#listener = listener;
  }

  /**
   * Open the port that is configured, if one is.
   * @param spawner makes the gateway, as a child of the actor that owns this
   * @throws the system's error when the address cannot be had; its `setting` names the flag to change
   */
  static async open(
    spawner: Spawner,
    config: ServerConfig,
    parameters: Omit<SoupGatewayParameters, 'source' | 'credentials'>,
    logger: Logger,
  ): Promise<SoupPort | undefined> {
    const { host, soupPort, soupUser: user, soupPassword: password, soupSource: source } = config;
    if (soupPort === 'off') return undefined;
    const gateway = await spawner.spawn(
      { actor: SoupGatewayActor },
      {
        name: 'SoupGateway',
        parameters: { ...parameters, source, credentials: { user, password } },
      },
    );
    const listener = await Listener.listen(host, soupPort, { running: () => [gateway] }, logger).catch((error) => {
      throw Object.assign(error, { setting: '--soup-port' });
    });
    return new SoupPort(gateway, listener);
  }

  get port(): number {
    return this.#listener.address.port;
  }

  inspect(): Promise<SoupGatewayInspection | { busy: true }> {
    const answer = this.gateway.ask('inspect', { linesMax }, { timeoutMs: answerMs });
    return answer.catch(() => ({ busy: true }) as const);
  }

  /** Accept nothing more. */
  close(): void {
    this.#listener.close();
  }
}
