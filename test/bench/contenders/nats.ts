import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { within } from '../../support/deadline.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { jetStreamRequest } from '../dialects/jetstream.js';
import { natsConnect, subject } from '../dialects/nats-lines.js';
import type { Contender, RunningServer } from './contender.js';
import { freePort, startPeer, versionOf } from './peer-process.js';

const version = () => versionOf('nats-server')?.replace('nats-server: v', 'nats-server ');

/** A subscriber that falls behind is not cut off, so that every delivery counts. */
const unlimited = 'max_pending: 8GB\nwrite_deadline: "120s"\nmax_connections: 100000\n';

/** NATS without JetStream. */
export const natsCore: Contender = {
  name: 'NATS core',
  persists: 'nothing',
  dialect: 'nats',
  version,
  start: () => start(''),
};

/** NATS with a stream in files, as it comes: synced every two minutes. */
export const natsJetStream: Contender = {
  name: 'NATS JetStream',
  persists: 'file storage, acknowledged before fsync',
  dialect: 'jetstream',
  version,
  start: async () => {
    const server = await start('jetstream { store_dir: "jetstream" }\n');
    await within(createStream(server.port), 'the stream to be created');
    return server;
  },
};

async function start(settings: string): Promise<RunningServer> {
  const place = await temporaryDirectory();
  const port = await freePort();
  const file = join(place.directory, 'nats.conf');
  await writeFile(file, `${unlimited}${settings}`);
  return startPeer('nats-server', ['-c', file, '-a', '127.0.0.1', '-p', String(port)], {
    ready: /Server is ready/,
    port,
    place,
  });
}

function createStream(port: number): Promise<void> {
  const request = jetStreamRequest(`STREAM.CREATE.${subject}`, {
    name: subject,
    subjects: [subject],
    storage: 'file',
    retention: 'limits',
    num_replicas: 1,
  });
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (/-ERR|"error"/.test(text)) return reject(new Error(text));
      if (!text.includes('stream_create_response')) return;
      socket.destroy();
      resolve();
    });
    socket.write(`${natsConnect}SUB inbox.api 1\r\n${request}`);
  });
}
