import { afterEach } from 'vitest';
import { Participant, type ParticipantOptions } from '../../../client/index.js';
import type { FakeConnection } from '../../support/fake-connection.js';
import type { FakeServer } from '../fake-server.js';
import { startServer } from '../setup.js';

const participants: Participant<string>[] = [];

afterEach(async () => {
  for (const participant of participants.splice(0)) await participant.close();
});

const text = {
  encode: (value: string) => Buffer.from(value),
  decode: (payload: Uint8Array) => Buffer.from(payload).toString(),
};

/** The participant alice of the group team, closed after the test, and the server it will talk to. */
export async function startParticipant(
  options: Partial<ParticipantOptions<string>> = {},
): Promise<{ server: FakeServer; alice: Participant<string> }> {
  const server = await startServer();
  const alice = new Participant<string>({
    port: server.port,
    group: 'team',
    id: 'alice',
    values: text,
    reconnect: { firstMs: 1, maxMs: 10 },
    closeMs: 50,
    connectMs: 2_000,
    ...options,
  });
  participants.push(alice);
  return { server, alice };
}

/** The server's end of the next connection, logged in. */
export async function accept(server: FakeServer): Promise<FakeConnection> {
  const connection = await server.accept();
  await connection.login();
  return connection;
}

/** As {@link startParticipant}, registered over its own connection. */
export async function startMember(options: Partial<ParticipantOptions<string>> = {}) {
  const { server, alice } = await startParticipant(options);
  const registered = alice.register();
  const connection = await accept(server);
  const { instance } = await connection.member();
  await registered;
  return { server, alice, connection, instance };
}
