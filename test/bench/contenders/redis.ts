import { temporaryDirectory } from '../../support/temporary-directory.js';
import type { Contender, RunningServer } from './contender.js';
import { freePort, startPeer, versionOf } from './peer-process.js';

const version = () => {
  const found = /v=(\S+)/.exec(versionOf('redis-server') ?? '')?.[1];
  return found === undefined ? undefined : `redis-server ${found}`;
};

/** Redis as a broker: PUBLISH and SUBSCRIBE. */
export const redisPubSub: Contender = {
  name: 'Redis pub/sub',
  persists: 'nothing',
  dialect: 'redis',
  version,
  start: () => start('no', 'everysec'),
};

/** Redis Streams in an append-only file that is synced once a second, which is how Redis is usually run for them. */
export const redisStreams: Contender = {
  name: 'Redis Streams',
  persists: 'append-only file, fsync once a second',
  dialect: 'redis-streams',
  version,
  start: () => start('yes', 'everysec'),
};

/** Redis Streams that acknowledge after fsync. */
export const redisStreamsSynced: Contender = {
  name: 'Redis Streams, synced',
  persists: 'append-only file, fsync before acknowledging',
  dialect: 'redis-streams',
  version,
  start: () => start('yes', 'always'),
};

/** A subscriber that falls behind is not cut off, so that every delivery counts. */
async function start(appendonly: string, appendfsync: string): Promise<RunningServer> {
  const place = await temporaryDirectory();
  const port = await freePort();
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    save: '',
    appendonly,
    appendfsync,
    maxclients: '20000',
    'client-output-buffer-limit': 'pubsub 0 0 0',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  return startPeer('redis-server', args, { ready: /Ready to accept connections/, port, place });
}
