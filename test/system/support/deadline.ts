import { setTimeout as pause } from 'node:timers/promises';

/** Long enough for a busy machine; whatever takes longer is broken. */
export const deadlineMs = 45_000;

/** A promise's outcome, or an error that says what was waited for in vain. */
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

/** Look again and again, for what sends no event, until `look` finds something. */
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
