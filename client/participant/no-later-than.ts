import type { Environment } from '../environment.js';

/** What a promise resolves with, or `undefined` when that takes longer than `ms`. */
export async function noLaterThan<T>(
  ms: number,
  promise: Promise<T>,
  { schedule }: Environment,
): Promise<T | undefined> {
  let cancel = (): void => {};
  const deadline = new Promise<undefined>((resolve) => {
    cancel = schedule(ms, () => resolve(undefined));
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    cancel();
  }
}
