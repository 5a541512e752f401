import { createHash } from 'node:crypto';
import { ProtocolError } from '../../protocol/index.js';
import { Actor, asError, type Behaviour } from '../runtime/index.js';
import { BearerToken } from './bearer-token.js';
import { HttpEndpoint } from './http-endpoint.js';
import type { FedSource, InputInspection, InputProtocol } from './input.js';
import type { HttpInputConfig } from './input-config.js';
import { type Publication, type Published, publishTo } from './publication.js';

/** What an HttpInput is made of. */
export interface HttpInputParameters {
  config: HttpInputConfig;
  fed: FedSource;
  /** It cannot go on. */
  ended(error: Error | undefined): void;
}

/** What was posted when the input is stopped has so long to be answered. */
const answerMs = 1_000;

/**
 * An input to which others post. It has no position: what was posted is answered when it is durable, and one who got no
 * answer posts it again. With a key it is written once all the same.
 */
export default class HttpInputActor
  extends Actor<HttpInputParameters, InputProtocol>
  implements Behaviour<InputProtocol>
{
  #endpoint: HttpEndpoint | undefined;
  #stopped = false;
  #messages = 0;
  #address = '';

  begin(): void {
    this.#open().catch((error) => {
      if (!this.#stopped) this.parameters.ended(asError(error));
    });
  }

  override async onStop(): Promise<void> {
    this.#stopped = true;
    await this.#endpoint?.close(answerMs);
  }

  inspect(): InputInspection {
    return { state: 'reading', messages: this.#messages, position: this.#address, problem: '' };
  }

  async #open(): Promise<void> {
    const { config } = this.parameters;
    const token = await BearerToken.read(config.tokenFile);
    if (this.#stopped) return;
    this.#endpoint = new HttpEndpoint(config, token, {
      take: (posted) => this.#take(posted),
      endOfDay: (session, reason) => this.parameters.fed.endOfDay(session, reason),
    });
    const failed = this.#endpoint.failed();
    this.#address = await Promise.race([this.#endpoint.listen(), failed]);
    this.logger.info({ input: this.name, address: this.#address }, 'input listens');
    await failed;
  }

  async #take({ messages, once }: Publication): Promise<Published> {
    const { fed, config } = this.parameters;
    const session = fed.session();
    if (!session) throw new ProtocolError('ERR_NO_SESSION', `source ${config.source} has no session yet`);
    // Longer than the name of any publisher on the wire can be, so that it is none of theirs.
    const as = once && { publisher: `http ${config.name} ${sha256(once.key)}`, digest: once.digest };
    const published = await publishTo(session, config.source, as, messages);
    this.#messages += messages.length;
    return published;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
