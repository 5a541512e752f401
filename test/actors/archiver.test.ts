import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defaultServerConfig, type ServerConfig } from '../../actors/server-config.js';
import { type RunningServer, startServer } from '../../actors/start-server.js';
import { type Client, connect } from '../../client/index.js';
import { verifyArchive } from '../../storage/archive/index.js';
import { until, within } from '../support/deadline.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { silent } from './support.js';

const messages = 500;

interface Stage {
  server: RunningServer;
  client: Client;
  data: string;
  archiveDirectory: string;
  /** The session that has ended. */
  session: string;
}

async function start(data: string, more: Partial<ServerConfig>): Promise<RunningServer> {
  const generator = { ...defaultServerConfig.generator, rate: 0, ...more.generator };
  const server = await startServer({ ...defaultServerConfig, data, port: 0, ...more, generator }, silent);
  onTestFinished(() => server.stop());
  return server;
}

/** A server with a session that has ended and an active one. */
async function stage(
  more: (archiveDirectory: string) => Partial<ServerConfig> = () => ({}),
  payloadBytes = 2_000,
): Promise<Stage> {
  const { directory, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const data = join(directory, 'data');
  const archiveDirectory = join(directory, 'archives');
  const generator = { ...defaultServerConfig.generator, rate: 50_000, count: messages, payloadBytes };
  const first = await start(data, { generator });
  const watching = await connect({ port: first.port, publisher: false });
  let session = '';
  for await (const message of watching.subscribe({ from: 1 })) session = message.session;
  await watching.close();
  await first.stop();
  const server = await start(data, more(archiveDirectory));
  const client = await connect({ port: server.port, publisher: false });
  onTestFinished(() => client.close());
  return { server, client, data, archiveDirectory, session };
}

async function found(client: Client, session: string) {
  return (await client.sessions()).find((summary) => summary.session === session);
}

async function eventually(look: () => Promise<boolean>, what: string): Promise<void> {
  const seen = async (): Promise<void> => {
    while (!(await look())) await new Promise((resolve) => setImmediate(resolve));
  };
  await within(seen(), what);
}

describe('a server', () => {
  it('verifies and archives a session by itself when it has ended', async () => {
    const { client, archiveDirectory, session } = await stage((directory) => ({ archiveDirectory: directory }));
    await eventually(async () => (await found(client, session))?.archivedMs !== undefined, 'the archive');
    const [file] = await readdir(archiveDirectory);
    const { index, damage } = await verifyArchive(join(archiveDirectory, file!));
    expect(damage).toEqual([]);
    const { digest, bytes, lost } = (await found(client, session))!;
    expect([digest, bytes, lost]).toEqual([index.digest, index.bytes, 0]);
  });

  it('verifies, archives and restores on request, and says what it found', async () => {
    const { client, archiveDirectory, data, session, server } = await stage((directory) => ({
      archiveDirectory: directory,
    }));
    const verified = await client.verify({ session });
    expect(verified).toMatchObject({ messages, losses: [], session: { session, lost: 0 } });
    expect(await client.verify({ session: 'S01' })).toMatchObject({ messages, session: { session } });
    expect(await client.session({ session: 'S01' })).toEqual(await client.session({ session }));
    const archived = await client.archive({ session });
    expect(archived).toMatchObject({ messages, losses: [], session: { digest: verified.session.digest } });
    expect(archived.file).toBe(join(archiveDirectory, `main-${session}.latecomer.gz`));
    expect(archived.fileBytes).toBeLessThan(archived.session.bytes!);
    await expect(client.restore({ session })).rejects.toMatchObject({ code: 'ERR_SESSION_EXISTS', remedy: 'never' });
    await client.close();
    await server.stop();
    const other = await start(`${data}-other`, { archiveDirectory });
    const elsewhere = await connect({ port: other.port, publisher: false });
    const restored = await elsewhere.restore({ session, source: 'main' }).catch((error) => error);
    // A server of the same day has a session of that name of its own.
    expect(restored).toMatchObject({ code: 'ERR_SESSION_EXISTS' });
    await elsewhere.close();
  });

  it.each([
    [
      'an active session',
      'ERR_SESSION_ACTIVE',
      async ({ client }: Stage) => {
        const [, active] = await client.sessions();
        return client.archive({ session: active!.session });
      },
    ],
    ['a session there is none of', 'ERR_UNKNOWN_SESSION', ({ client }: Stage) => client.archive({ session: 'none' })],
    [
      'a source there is none of',
      'ERR_UNKNOWN_SOURCE',
      ({ client, session }: Stage) => client.verify({ session, source: 'none' }),
    ],
    ['an archive there is none of', 'ERR_NO_ARCHIVE', ({ client }: Stage) => client.restore({ session: '../none' })],
  ])('refuses %s with a code', async (_, code, ask) => {
    const staged = await stage((archiveDirectory) => ({ archiveDirectory }));
    await expect(ask(staged)).rejects.toMatchObject({ code, remedy: 'never' });
  });

  it('without an archive directory says so', async () => {
    const { client, session } = await stage();
    await expect(client.archive({ session })).rejects.toMatchObject({ code: 'ERR_NO_ARCHIVE_DIRECTORY' });
    await expect(client.restore({ session })).rejects.toMatchObject({ code: 'ERR_NO_ARCHIVE_DIRECTORY' });
  });

  it('removes a session that retention does not want, tells its stalled reader, and restores it when asked', async () => {
    // More than fits into sockets on the way to one who does not read.
    const config = { retentionBytes: 1, retentionGraceMs: 0 };
    const staged = await stage((archiveDirectory) => ({ archiveDirectory, ...config }), 100_000);
    const { client, session, server } = staged;
    const reader = await connect({ port: server.port, publisher: false, receiveBytesMax: 1_000_000 });
    onTestFinished(() => reader.close());
    const reading = reader.subscribe({ session, from: 1 });
    const losses: unknown[] = [];
    reading.on('lost', (loss) => losses.push(loss));
    await eventually(async () => (await found(client, session)) === undefined, 'the removal');
    await expect(client.verify({ session })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_SESSION' });
    let next = 1;
    for await (const { seq } of reading) {
      expect(seq).toBe(next);
      next += 1;
    }
    expect(next).toBeLessThan(messages);
    expect(losses).toMatchObject([{ from: next, to: messages, reason: 'retention' }]);
    const report = await client.restore({ session });
    expect(report).toMatchObject({ messages, session: { session, state: 'ended', lastSeq: messages } });
  });

  it('goes on answering a connection while it archives for it', async () => {
    const { client, session } = await stage((archiveDirectory) => ({ archiveDirectory }));
    let archived = false;
    const archiving = client.archive({ session }).then(() => {
      archived = true;
    });
    const state = await client.inspect();
    expect(state).toMatchObject({ archiver: { waiting: expect.any(Number) } });
    await archiving;
    await until(() => archived, 'the archive');
  });
});
