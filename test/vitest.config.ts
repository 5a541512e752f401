import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most files wait for real processes and sockets, so two at a time is twice as fast on two cores.
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['actors/**', 'protocol/**', 'storage/**', 'client/**', 'cli/**'],
      exclude: ['dist/**', '**/*.md'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
});
