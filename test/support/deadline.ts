import { setTimeout as pause } from 'node:timers/promises';

/** Long enough for a busy machine; whatever takes longer is broken. Below the deadline of a test, which says less. */
export const deadlineMs = 45_000;

/**
 * A promise's outcome, for a test that is to fail instead of hang.
 * @throws Error that says what was waited for in vain
 */
export async function within<T>(promise: Promise<T>, what: string | (() => string), ms = deadlineMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${typeof what === 'string' ? what : what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Wait for what other processes do without an event: look again and again until `look` finds something. */
export async function eventually<T>(
  look: () => Promise<T | undefined> | T | undefined,
  what: string,
  ms = deadlineMs,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`looked for ${what} for ${ms} ms`);
    await pause(10);
  }
}

/** Lets everything in this process that is ready to run do so. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Wait for what this process does: looked at every turn of the event loop; past the deadline the test fails. */
export async function until(reached: () => boolean, what: string, ms = deadlineMs): Promise<void> {
  const givenUpMs = performance.now() + ms;
  while (!reached()) {
    if (performance.now() > givenUpMs) throw new Error(`waited ${ms} ms for: ${what}`);
    await turn();
  }
}
