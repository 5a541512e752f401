import { latecomerDisk, startLatecomer } from '../contenders/latecomer.js';
import { SessionFixture } from '../fixtures/session-fixture.js';
import { joiner } from '../load/run-worker.js';
import { expectCount, type Measurement, type Row, type Scenario, type Size, type Sized } from './scenario.js';

const payloadBytes = 100;
const blockMessages = 1_000;
const sizes: Sized[] = [10_000, 100_000, 1_000_000, 10_000_000].map((full) => ({ quick: full / 100, full }));
const joins: Sized = { quick: 20, full: 500 };
const restarts: Sized = { quick: 1, full: 4 };

/** How it feels when there is more and more: a join at the newest message, and a start of the server after a clean end. */
export const growth: Scenario = {
  name: 'growth',
  title: 'Growth: joining at the tail, and starting, with more and more messages in the session',
  figures: [
    { name: 'join p50', unit: 'ms', quantile: { samples: 'join', part: 0.5 } },
    { name: 'join p99', unit: 'ms', quantile: { samples: 'join', part: 0.99 } },
    { name: 'start p50', unit: 'ms', quantile: { samples: 'start', part: 0.5 } },
  ],
  rows: sizes.map(grown),
  targets: ['join p50', 'join p99', 'start p50'].map((figure) => ({
    figure,
    row: rowName(sizes[sizes.length - 1]!),
    against: rowName(sizes[0]!),
    atMost: 2,
  })),
};

function rowName({ full }: Sized): string {
  return `Latecomer, ${full.toLocaleString('en-US')} messages`;
}

function grown(messages: Sized): Row {
  const fixture = new SessionFixture({ messages, blockMessages, payloadBytes });
  return {
    name: rowName(messages),
    persists: latecomerDisk.persists,
    version: latecomerDisk.version,
    measure: async (size) => measure(await fixture.directory(size), size),
  };
}

async function measure(directory: string, size: Size): Promise<Measurement> {
  const { dialect } = latecomerDisk;
  const start = new Float64Array(restarts[size]);
  const join = new Float64Array(restarts[size] * joins[size]);
  for (let restart = 0; restart < start.length; restart += 1) {
    const startedMs = performance.now();
    const server = await startLatecomer({ directory });
    start[restart] = performance.now() - startedMs;
    try {
      const report = await joiner({ dialect, port: server.port, payloadBytes, joins: joins[size] });
      expectCount(report.latenciesMs.length, joins[size]);
      join.set(report.latenciesMs, restart * joins[size]);
    } finally {
      await server.stop();
    }
  }
  return { numbers: {}, samples: { start, join } };
}
