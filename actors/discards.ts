import { ProtocolError, type SessionSummary } from '../protocol/index.js';
import type { Store } from '../storage/index.js';

/** What {@link Discards} work with. */
export interface DiscardsParts {
  store: Pick<Store, 'keeping' | 'log'>;
  /** Have the subscribers of a log told that what its session holds is not to be used. */
  tell: (notice: { log: number; reason: string }) => void;
}

/** Sessions whose contents are not to be used: that is put on record, and whoever reads one is told. */
export class Discards {
  readonly #parts: DiscardsParts;
  /** By source: its active session, if it is to be marked by its end. */
  readonly #announced = new Map<string, { log: number; reason: string }>();

  constructor(parts: DiscardsParts) {
    this.#parts = parts;
  }

  /**
   * Mark a session that has ended; one that is marked already stays as it is.
   * @throws ProtocolError `ERR_SESSION_ACTIVE`; StorageError when it could not be written
   */
  async mark({ log, session, state }: SessionSummary, reason: string): Promise<SessionSummary> {
    if (state === 'active') {
      const message = `session ${session} is active: roll it to discard what it holds`;
      throw new ProtocolError('ERR_SESSION_ACTIVE', message);
    }
    const { store, tell } = this.#parts;
    const summary = await store.keeping.discard(store.log(log)!, reason);
    tell({ log, reason: summary.discardReason! });
    return summary;
  }

  /** Tell of an active session, whose end is to mark it, that it will be; the first reason stays. */
  announce({ source, log }: SessionSummary, reason: string): void {
    if (this.announced(source, log) !== undefined) return;
    this.#announced.set(source, { log, reason });
    this.#parts.tell({ log, reason });
  }

  /** Why the active session of a source is to be marked by its end; `undefined` when it is not. */
  announced(source: string, log: number): string | undefined {
    const announced = this.#announced.get(source);
    return announced?.log === log ? announced.reason : undefined;
  }
}
