import { type ClientMessage, limits, ProtocolError } from '../protocol/index.js';
import type { Origin } from './origin.js';
import type { Outlet } from './outlet.js';
import { Retransmission } from './retransmission.js';
import { checkServed } from './session-request.js';

/** A REREQUEST as it came over the wire (SessionRerequest). */
export type Rerequest = Extract<ClientMessage, { type: 'REREQUEST' }>;

/** A rerequest's number stands where a block has its log, in 32 bits. */
const requestMax = 0xffff_ffff;

/** The rerequests of one connection that are being answered. */
export class Rerequests {
  readonly #outlet: Outlet;
  readonly #origin: Origin;
  readonly #failed: (request: number, message: string) => void;
  readonly #running = new Set<Retransmission>();

  /** @param failed told of a range that could not be read, after it was granted */
  constructor(outlet: Outlet, origin: Origin, failed: (request: number, message: string) => void) {
    this.#outlet = outlet;
    this.#origin = origin;
    this.#failed = failed;
  }

  /**
   * Start to answer one.
   * @param source the source it means unless it names another
   * @throws ProtocolError when it cannot be granted
   */
  async start({ request, from, to, ...of }: Rerequest, source: string): Promise<void> {
    this.#checkRoom();
    const session = await this.#origin.findSession(of.source ?? source, of.session ?? '');
    checkServed(session, this.#origin.closedSessions);
    if (request > requestMax) {
      throw new ProtocolError(
        'ERR_BAD_MESSAGE',
        `REREQUEST: request ${request} does not fit a block, ${requestMax} does`,
      );
    }
    if (from < 1 || to < from) throw new ProtocolError('ERR_BAD_MESSAGE', `REREQUEST: no range [${from}..${to}]`);
    if (to > session.lastSeq) {
      throw new ProtocolError(
        'ERR_BEYOND_NEXT',
        `range ends at ${to}, session ${session.session} at ${session.lastSeq}`,
      );
    }
    const read = (next: number) => this.#origin.read(session.log, next, to);
    const retransmission = new Retransmission(request, from, to, read, this.#outlet);
    this.#running.add(retransmission);
    retransmission
      .run()
      .catch((error: Error) => this.#failed(request, `range [${from}..${to}] could not be read: ${error.message}`))
      .finally(() => this.#running.delete(retransmission));
  }

  /** The client took what it was sent. */
  drained(): void {
    for (const retransmission of this.#running) retransmission.drained();
  }

  /** The client has gone. */
  stop(): void {
    for (const retransmission of this.#running) retransmission.stop();
  }

  #checkRoom(): void {
    if (this.#running.size < limits.rerequestsPerConnectionMax) return;
    throw new ProtocolError(
      'ERR_TOO_MANY_REREQUESTS',
      `${this.#running.size} rerequests are being answered, limit ${limits.rerequestsPerConnectionMax}`,
    );
  }
}
