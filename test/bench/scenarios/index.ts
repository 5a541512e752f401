import { acknowledgements } from './acknowledged.js';
import { broadcasts } from './broadcast.js';
import { catchUps } from './catch-up.js';
import { latencies } from './latency.js';
import { pace } from './pace.js';
import type { Scenario } from './scenario.js';

/** All scenarios, in the order of the tables. */
export const scenarios: readonly Scenario[] = [...broadcasts, latencies, pace, ...catchUps, ...acknowledgements];
