import { Backoff } from '../backoff.js';
import type { Environment } from '../environment.js';
import { abortedError, LatecomerError } from '../errors.js';

const retry = { firstMs: 20, maxMs: 1_000 };
const attemptsMax = 5;

/**
 * Do something again whose answer was lost with its connection. A connection that cannot be made is for the caller to know.
 * @param attempt told whether it may have been done before
 */
export async function insist<Result>(
  attempt: (isRepeat: boolean) => Promise<Result>,
  { schedule, random }: Environment,
  signal?: AbortSignal,
): Promise<Result> {
  const backoff = new Backoff(retry, random);
  for (;;) {
    try {
      return await attempt(backoff.attempts > 0);
    } catch (error) {
      const isLost = error instanceof LatecomerError && error.remedy === 'reconnect' && error.code !== 'ERR_CONNECT';
      if (!isLost || backoff.attempts >= attemptsMax) throw error;
    }
    await new Promise<void>((resolve) => schedule(backoff.next(), resolve));
    if (signal?.aborted) throw abortedError(signal, 'the command');
  }
}
