/** What the client takes from its surroundings; tests give their own. */
export interface Environment {
  /** Run something once after a delay. @returns a function that cancels it */
  schedule(delayMs: number, run: () => void): () => void;
  /** 0 ≤ number < 1, for jitter. */
  random(): number;
}

/** The process's own timers and randomness. */
export const processEnvironment: Environment = {
  schedule: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
