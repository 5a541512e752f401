import { type BenchServer, startBenchServer } from './bench-server.js';
import { followers, publisher } from './load/run-worker.js';

/** How much is sent: enough to see that it works, or enough to measure. */
export type Size = 'quick' | 'full';

/** One line of the table. */
export interface Result {
  scenario: string;
  figures: Record<string, string>;
}

/** A scenario runs against a fresh server and checks that every message arrived. */
export interface Scenario {
  name: string;
  run(size: Size): Promise<Record<string, string>>;
}

const payloadBytes = 100;

/** The scenarios, in the order of the table. */
export const scenarios: readonly Scenario[] = [
  broadcast(1, 64, { quick: 200_000, full: 5_000_000 }),
  broadcast(100, 64, { quick: 50_000, full: 1_000_000 }),
  broadcast(100, 1, { quick: 20_000, full: 200_000 }),
  catchUp({ quick: 200_000, full: 2_000_000 }),
  acknowledged(1, { quick: 2_000, full: 50_000 }),
];

function broadcast(subscribers: number, batch: number, messages: Record<Size, number>): Scenario {
  return {
    name: `broadcast to ${subscribers}, ${batch} messages a publish`,
    run: (size) =>
      withServer(async ({ port }) => {
        const total = messages[size];
        const group = followers({ port, subscribers, messages: total });
        await group.ready;
        const published = await publisher({ port, messages: total, payloadBytes, batch });
        const { messages: delivered, elapsedMs } = await group.report;
        expectCount(delivered, total * subscribers);
        return {
          'deliveries/s': perSecond(delivered, elapsedMs),
          'published/s': perSecond(published.messages, published.elapsedMs),
        };
      }),
  };
}

function catchUp(messages: Record<Size, number>): Scenario {
  return {
    name: 'catch-up of one late joiner',
    run: (size) =>
      withServer(async ({ port }) => {
        const total = messages[size];
        await publisher({ port, messages: total, payloadBytes, batch: 500, inFlight: 1 });
        const { messages: delivered, elapsedMs } = await followers({ port, subscribers: 1, from: 1, messages: total })
          .report;
        expectCount(delivered, total);
        return { 'messages/s': perSecond(delivered, elapsedMs) };
      }),
  };
}

function acknowledged(batch: number, messages: Record<Size, number>): Scenario {
  return {
    name: `publish acknowledged after fsync, ${batch} message each, 64 in flight`,
    run: (size) =>
      withServer(async ({ port }) => {
        const report = await publisher({ port, messages: messages[size], payloadBytes: 128, batch, inFlight: 64 });
        const sorted = report.latenciesMs.sort((a, b) => a - b);
        expectCount(sorted.length, Math.ceil(messages[size] / batch));
        return {
          'acknowledged/s': perSecond(report.messages, report.elapsedMs),
          'p50 ms': quantile(sorted, 0.5),
          'p99 ms': quantile(sorted, 0.99),
        };
      }),
  };
}

async function withServer<Outcome>(run: (server: BenchServer) => Promise<Outcome>): Promise<Outcome> {
  const server = await startBenchServer();
  try {
    return await run(server);
  } finally {
    await server.stop();
  }
}

function expectCount(found: number, expected: number): void {
  if (found !== expected) throw new Error(`expected ${expected}, found ${found}`);
}

function perSecond(count: number, elapsedMs: number): string {
  return Math.round((count / elapsedMs) * 1_000).toLocaleString('en-US');
}

function quantile(sorted: readonly number[], part: number): string {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(2);
}
