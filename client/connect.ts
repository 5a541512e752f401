import { randomUUID } from 'node:crypto';
import { Client } from './client.js';
import { type Environment, processEnvironment } from './environment.js';
import { abortedError, type LatecomerError } from './errors.js';
import { type ConnectOptions, settingsOf } from './options.js';
import { raw, type Values } from './values.js';

/**
 * Connect to a server and log in.
 * @returns a client whose first login has been accepted; from then on it repairs its connection by itself
 * @throws LatecomerError one, after one attempt: `ERR_CONNECT`, `ERR_NOT_LATECOMER`, `ERR_ABORTED`, or what the server
 *   answered to the login (`ERR_VERSION`, `ERR_UNKNOWN_SOURCE`, `ERR_SHUTTING_DOWN`, …)
 */
export function connect<T>(
  options: ConnectOptions<T> & { values: Values<T> },
  environment?: Environment,
): Promise<Client<T>>;
export function connect(options: ConnectOptions, environment?: Environment): Promise<Client>;
export async function connect<T>(
  options: ConnectOptions<T>,
  environment: Environment = processEnvironment,
): Promise<Client<T>> {
  const { signal } = options;
  // The overloads allow values to be left out only where payloads are bytes.
  const values = options.values ?? (raw as unknown as Values<T>);
  const settings = settingsOf(options, values, options.publisher === false ? '' : (options.publisher ?? randomUUID()));
  if (signal?.aborted) throw abortedError(signal, 'connect');
  const client = new Client(settings, environment);
  let onAbort = (): void => {};
  try {
    await new Promise<void>((resolve, reject) => {
      onAbort = () => reject(abortedError(signal!, 'connect'));
      signal?.addEventListener('abort', onAbort, { once: true });
      client.on('connected', () => resolve());
      client.on('error', (error: LatecomerError) => reject(error));
    });
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  return client;
}
