import { acknowledgements } from './acknowledged.js';
import { broadcasts } from './broadcast.js';
import { catchUps } from './catch-up.js';
import { clientLibraries } from './client-library.js';
import { growth } from './growth.js';
import { idleSubscribers } from './idle.js';
import { latencies } from './latency.js';
import { pace } from './pace.js';
import type { Scenario } from './scenario.js';
import { stalledSubscribers } from './stalled.js';
import { storm } from './storm.js';

/** All scenarios, in the order of the tables. */
export const scenarios: readonly Scenario[] = [
  ...broadcasts,
  latencies,
  pace,
  ...catchUps,
  storm,
  ...acknowledgements,
  idleSubscribers,
  stalledSubscribers,
  growth,
  clientLibraries,
];
