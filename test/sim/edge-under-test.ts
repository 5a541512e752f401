import { strict as assert } from 'node:assert';
import { vi } from 'vitest';
import { Discards } from '../../actors/discards.js';
import EdgeActor from '../../actors/edge.js';
import { DataSocket } from '../../actors/link/data-socket.js';
import { Listener } from '../../actors/listener.js';
import { LocalOrigin } from '../../actors/local-origin.js';
import { LocalRewinds } from '../../actors/local-rewinds.js';
import RewindHostActor from '../../actors/rewind-host.js';
import type { Ref, System } from '../../actors/runtime/index.js';
import type { ServerConfig } from '../../actors/server-config.js';
import SessionActor, { type SessionProtocol } from '../../actors/session.js';
import { SessionCalendar } from '../../actors/session-calendar.js';
import SessionRollerActor, { type SessionRollerProtocol } from '../../actors/session-roller.js';
import { Subscriptions } from '../../actors/subscriptions.js';
import type { Store } from '../../storage/index.js';
import { logger, type ServerUnderTest } from './server-under-test.js';

/**
 * Main with an edge in front of it, as in forked placements, but in one process: every block crosses the data socket, the
 * edge has a ring of its own, and its rewinds read through main.
 */
export async function startEdgeUnderTest(system: System, store: Store, config: ServerConfig): Promise<ServerUnderTest> {
  const calendar = new SessionCalendar(Date.now, config);
  const schedule = () => () => {};
  const roller: Ref<SessionRollerProtocol> = await system.spawn(
    { actor: SessionRollerActor },
    { name: 'SessionRoller', parameters: { store, calendar, schedule } },
  );
  const log = await store.createSession('main', '2030010101');
  const { publishBytesMax, connectionsMax, loginsMax, ringBytesMax } = config;
  const session: Ref<SessionProtocol> = await system.spawn(
    { actor: SessionActor },
    { name: 'Session', parameters: { store, log, calendar, publishBytesMax, clock: Date.now } },
  );
  const unasked = () => Promise.reject(new Error('nobody asks'));
  const found = () => session;
  const all = () => [session];
  const check = () => {};
  const sources = {
    names: ['main'],
    check,
    relayOf: () => undefined,
    session: found,
    sessions: all,
    sessionOfLog: found,
  };
  const { closedSessions } = config;
  const origin = new LocalOrigin({
    store,
    sources,
    groups: { names: [], command: unasked, members: unasked },
    roller,
    calendar,
    closedSessions,
    inspect: unasked,
    discards: new Discards({ store, tell: () => {} }),
    archive: unasked,
  });
  await roller.ask('serve', { source: 'main', session }, { timeoutMs: 5_000 });
  const read = (number: number, from: number) => origin.read(number, from, Number.MAX_SAFE_INTEGER);
  const host = await system.spawn({ actor: RewindHostActor }, { name: 'RewindHost', parameters: { read } });
  const feeds = new Subscriptions(system, origin, new LocalRewinds(host));
  const subscribe = feeds.subscribe.bind(feeds);
  const dataSocket = await DataSocket.listen({ origin, subscribe, rewinds: undefined, logger });
  // An edge whose data socket closes ends its process, which here is everybody's.
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const limits = { connectionsMax, loginsMax, publishBytesMax, ringBytesMax, server: 'latecomer/simulated' };
  const { path, token } = dataSocket;
  const edge = await system.spawn(
    { actor: EdgeActor },
    { name: 'Edge', parameters: { limits, dataSocket: path, token } },
  );
  const listener = await Listener.listen('127.0.0.1', 0, { running: () => [edge] }, logger);
  return {
    port: listener.address.port,
    inspect: async () => [await edge.ask('inspect', { linesMax: 1_000 }, { timeoutMs: 5_000 })],
    stop: async () => {
      listener.close();
      assert.equal(exit.mock.calls.length, 0, 'the edge has lost its data socket');
      await dataSocket.close();
      await system.stop();
      exit.mockRestore();
    },
  };
}
