import { type ClientMessage, type Durability, protocolVersion } from '../protocol/index.js';
import type { Values } from './values.js';

/** How a broken connection is made again. */
export interface ReconnectOptions {
  /** Nominal wait before the first attempt. @defaultValue 50 */
  firstMs?: number;
  /** The wait doubles up to this. @defaultValue 2000 */
  maxMs?: number;
  /** Attempts in a row before the client gives up with `ERR_DISCONNECTED`. @defaultValue Infinity */
  attemptsMax?: number;
}

/** Options of {@link connect}. */
export interface ConnectOptions<T = Uint8Array> {
  port: number;
  /** @defaultValue 127.0.0.1 */
  host?: string;
  /** The source that requests mean unless they name another. @defaultValue the server's, `main` */
  source?: string;
  /**
   * Identity under which publishes are numbered; one client at a time may use it. `false` for a client that only reads: its
   * login needs nothing of the storage. @defaultValue a random UUID
   */
  publisher?: string | false;
  /** A name for the server's log. */
  name?: string;
  /** Raises the durability of this client's publishes above the server's; never lowers it. */
  durability?: Durability;
  /** `json`, `msgpack`, or your own. @defaultValue payloads are Uint8Array */
  values?: Values<T>;
  /** false: a broken connection is the end of the client. */
  reconnect?: ReconnectOptions | false;
  /** Aborts the connecting; it has no effect on a client that is connected. */
  signal?: AbortSignal;
  /** Deadline for connection and login together. @defaultValue 5000 */
  connectMs?: number;
  /** How long {@link Client.close} waits for outstanding acknowledgements. @defaultValue 5000 */
  closeMs?: number;
  /** Received bytes that may wait for their consumers before the socket is no longer read. @defaultValue 4 MiB */
  receiveBytesMax?: number;
  /** Bytes that may wait to be published. @defaultValue 64 MiB */
  publishQueueBytesMax?: number;
}

/** Options with the defaults filled in. */
export interface Settings<T> {
  port: number;
  host: string;
  source: string | undefined;
  publisher: string;
  name: string | undefined;
  durability: Durability | undefined;
  values: Values<T>;
  reconnect: Required<ReconnectOptions> | false;
  connectMs: number;
  closeMs: number;
  receiveBytesMax: number;
  publishQueueBytesMax: number;
}

const mebibyte = 1024 * 1024;
const reconnectDefaults: Required<ReconnectOptions> = {
  firstMs: 50,
  maxMs: 2_000,
  attemptsMax: Number.POSITIVE_INFINITY,
};

/**
 * Fill in the defaults.
 * @throws RangeError when the port is not one that can be connected to
 */
export function settingsOf<T>(options: ConnectOptions<T>, values: Values<T>, publisher: string): Settings<T> {
  const { port } = options;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new RangeError(`port ${port} is not 1..65535`);
  return {
    port,
    host: options.host ?? '127.0.0.1',
    source: options.source,
    publisher,
    name: options.name,
    durability: options.durability,
    values,
    reconnect: options.reconnect === false ? false : { ...reconnectDefaults, ...options.reconnect },
    connectMs: options.connectMs ?? 5_000,
    closeMs: options.closeMs ?? 5_000,
    receiveBytesMax: options.receiveBytesMax ?? 4 * mebibyte,
    publishQueueBytesMax: options.publishQueueBytesMax ?? 64 * mebibyte,
  };
}

/** The LOGIN of a client with these settings. */
export function loginOf<T>(settings: Settings<T>): Extract<ClientMessage, { type: 'LOGIN' }> {
  const { source, publisher, name, durability } = settings;
  const login: Extract<ClientMessage, { type: 'LOGIN' }> = { type: 'LOGIN', versions: [protocolVersion] };
  if (publisher !== '') login.publisher = publisher;
  if (name !== undefined) login.client = name;
  if (source !== undefined) login.source = source;
  if (durability !== undefined) login.durability = durability;
  return login;
}
