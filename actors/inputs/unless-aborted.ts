/**
 * Wait for a promise, or for the abort of a signal.
 * @returns `undefined` when the signal came first; what becomes of the promise then is nobody's concern
 */
export function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined);
    const settle = (): void => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.finally(settle).then(resolve, reject);
  });
}
