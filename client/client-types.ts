import type { Durability } from '../protocol/index.js';
import type { LatecomerError } from './errors.js';

/** What the server said of itself at login. */
export interface ServerFacts {
  /** Name and version. */
  server: string;
  source: string;
  durability: Durability;
}

/** Events of a client. */
export interface ClientEvents {
  /** Logged in, at first or again; everything outstanding has been sent again. */
  connected: ServerFacts;
  /** The connection broke; the next attempt is made after `retryMs`. */
  disconnected: { error: LatecomerError; retryMs: number };
  /** The server cannot take publishes for now; they are sent again until it does. Comes at each attempt it refuses. */
  postponed: LatecomerError;
  /** The client is at its end: nothing more will be tried, everything outstanding has failed with this error. */
  error: LatecomerError;
}

/** Options of {@link Client.publish}. */
export interface PublishOptions {
  /** @defaultValue the session that is active when the server accepts it */
  session?: string;
  /** Its abort rejects with `ERR_ABORTED`; what has been sent by then may still be written. */
  signal?: AbortSignal;
}

/** Options of {@link Client.session}, {@link Client.archive}, {@link Client.restore} and {@link Client.verify}. */
export interface SessionOptions extends RequestOptions {
  session: string;
  /** @defaultValue the source of the client */
  source?: string;
}

/** Options of {@link Client.roll}. */
export interface RollOptions {
  /** Why the session ends; its subscribers are told, and it stays in the catalogue. */
  reason: string;
  /** The session to end; one that has ended already is left as it is. @defaultValue the active one at the time of the call */
  session?: string;
  /** What the session holds is not to be used: it is marked in the catalogue, and its subscribers are told. */
  discard?: boolean;
  /** @defaultValue the source of the client */
  source?: string;
  signal?: AbortSignal;
}

/** Options of {@link Client.discard}. */
export interface DiscardOptions extends SessionOptions {
  /** Why what the session holds is not to be used; its subscribers are told, and it stays in the catalogue. */
  reason: string;
}

/** Options of {@link Client.sessions}. */
export interface CatalogueOptions extends RequestOptions {
  /** @defaultValue all sources */
  source?: string;
  /** Only those whose contents are not to be used, also if they were removed and are remembered. */
  discarded?: boolean;
}

/** Options of {@link Client.inspect} and others. */
export interface RequestOptions {
  signal?: AbortSignal;
}
