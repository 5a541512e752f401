import type { Dialect, DialectName } from './dialect.js';
import { jetstream } from './jetstream.js';
import { latecomer } from './latecomer.js';
import { nats } from './nats.js';
import { redis } from './redis.js';
import { redisStreams } from './redis-streams.js';

/** The protocols by name. */
export const dialects: Record<DialectName, Dialect> = {
  latecomer,
  nats,
  jetstream,
  redis,
  'redis-streams': redisStreams,
};
