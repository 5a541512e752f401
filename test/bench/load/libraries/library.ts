/** The client libraries that are compared. */
export type LibraryName = 'latecomer' | 'latecomer-blocks' | 'nats' | 'ioredis';

/** What one reader is to do. */
export interface LibraryOrder {
  port: number;
  messages: number;
}

/**
 * Read a stream from its first message the way the library's documentation does it where speed counts, and hand each
 * payload to the caller. Resolves when the connection is closed again.
 */
export type LibraryReader = (order: LibraryOrder, take: (payload: Uint8Array) => void) => Promise<void>;
