import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CatchUp } from '../../actors/catch-up.js';
import { Connection } from '../../actors/connection.js';
import {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  encodeMessage,
  FrameReader,
  limits,
  ProtocolError,
  type ServerMessage,
} from '../../protocol/index.js';
import { turn, until } from '../support/deadline.js';
import { deferred, silent, socketPair } from './support.js';

const login: ClientMessage = { type: 'LOGIN', versions: [1] };
const heartbeat: ClientMessage = { type: 'HEARTBEAT' };

/** A connection, its client's end, and a clock of its own. */
class Stage {
  readonly frames: Buffer[] = [];
  readonly heard: ServerMessage[] = [];
  drains = 0;
  closes = 0;
  ended = false;
  /** What the listener does with a frame. */
  answer: (frame: Buffer) => Promise<void> | void = () => {};
  readonly #reader = new FrameReader(limits.frameBytesMax);

  private constructor(
    readonly connection: Connection,
    readonly client: Socket,
    readonly clock: { nowMs: number },
  ) {}

  static async start({ loggedIn = false, reading = true } = {}): Promise<Stage> {
    const { near, far } = await socketPair();
    const clock = { nowMs: 1_000 };
    const connection = new Connection(near, {
      now: () => clock.nowMs,
      logger: silent,
      defer: (work) => setImmediate(work),
      catchUp: new CatchUp(),
    });
    const stage = new Stage(connection, far, clock);
    connection.listen({
      frame: (frame) => {
        stage.frames.push(frame);
        return stage.answer(frame);
      },
      drained: () => {
        stage.drains += 1;
      },
      closed: () => {
        stage.closes += 1;
      },
    });
    near.resume();
    far.on('end', () => {
      stage.ended = true;
    });
    if (reading) far.on('data', (chunk) => stage.#hear(chunk));
    if (loggedIn) connection.loginAccepted();
    return stage;
  }

  #hear(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.take(); frame; frame = this.#reader.take())
      this.heard.push(decodeServerMessage(frame));
  }

  say(...messages: ClientMessage[]): void {
    this.client.write(Buffer.concat(messages.map(encodeMessage)));
  }

  async hears(type: ServerMessage['type']): Promise<ServerMessage> {
    await until(() => this.heard.some((message) => message.type === type), `${type} at the client`);
    return this.heard.find((message) => message.type === type)!;
  }

  async got(frames: number): Promise<void> {
    await until(() => this.frames.length >= frames, `${frames} frames at the server`);
  }

  pass(ms: number): void {
    this.clock.nowMs += ms;
    this.connection.tick();
  }
}

describe('a connection', () => {
  it('hands over frames one by one, however they are cut', async () => {
    const stage = await Stage.start();
    const bytes = Buffer.concat([encodeMessage(login), encodeMessage(heartbeat), encodeMessage(heartbeat)]);
    for (const byte of bytes) stage.client.write(Buffer.of(byte));
    await stage.got(3);
    expect(stage.frames.map((frame) => decodeClientMessage(frame).type)).toEqual(['LOGIN', 'HEARTBEAT', 'HEARTBEAT']);
  });

  it('hands over the next frame only when the one before is answered', async () => {
    const stage = await Stage.start({ loggedIn: true });
    const answer = deferred<void>();
    stage.answer = () => answer.promise;
    stage.say(heartbeat, heartbeat);
    await stage.got(1);
    await turn();
    expect(stage.frames).toHaveLength(1);
    stage.answer = () => {};
    answer.resolve();
    await stage.got(2);
  });

  it('closes with the code of a request that fails, and takes nothing more', async () => {
    const stage = await Stage.start();
    stage.answer = () => Promise.reject(new ProtocolError('ERR_UNKNOWN_SOURCE', 'no source x'));
    stage.say(login, heartbeat);
    expect(await stage.hears('ERROR')).toEqual({
      type: 'ERROR',
      code: 'ERR_UNKNOWN_SOURCE',
      message: 'no source x',
      remedy: 'never',
    });
    await until(() => stage.closes === 1, 'the end of the connection');
    expect([stage.frames.length, stage.ended]).toEqual([1, true]);
  });

  it('tells a client nothing of what failed inside the server', async () => {
    const stage = await Stage.start();
    stage.answer = () => {
      throw new TypeError('secret');
    };
    stage.say(login);
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_INTERNAL', remedy: 'reconnect' });
    expect(JSON.stringify(stage.heard)).not.toContain('secret');
  });

  it('refuses a frame larger than 8 KiB before the login and takes it after', async () => {
    const large = encodeMessage({ type: 'LOGIN', versions: Array.from({ length: 10_000 }, () => 1) });
    const before = await Stage.start();
    before.client.write(large);
    expect(await before.hears('ERROR')).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
    const after = await Stage.start({ loggedIn: true });
    after.client.write(large);
    await after.got(1);
    expect(after.frames[0]).toEqual(large);
  });

  it('refuses a frame larger than 1 MiB at any time, by its length alone', async () => {
    const stage = await Stage.start({ loggedIn: true });
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(limits.frameBytesMax + 1);
    stage.client.write(prefix);
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
  });

  it('gives up a client that has not logged in after 5 s, whatever it drips', async () => {
    const stage = await Stage.start();
    stage.client.write(encodeMessage(login).subarray(0, 3));
    stage.pass(limits.loginMs);
    expect(stage.connection.closing).toBe(false);
    stage.pass(1);
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_LOGIN_TIMEOUT', remedy: 'reconnect' });
  });

  it('does not count the time it takes to answer a login', async () => {
    const stage = await Stage.start();
    const answer = deferred<void>();
    stage.answer = () => answer.promise;
    stage.say(login);
    await stage.got(1);
    stage.pass(limits.loginMs + 1);
    expect(stage.connection.closing).toBe(false);
    answer.resolve();
    await turn();
    stage.pass(1);
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_LOGIN_TIMEOUT' });
  });

  it('closes after 15 s of silence, and counts from the last byte heard', async () => {
    const stage = await Stage.start({ loggedIn: true });
    stage.pass(limits.silenceMs);
    stage.say(heartbeat);
    await stage.got(1);
    stage.pass(limits.silenceMs);
    expect(stage.connection.closing).toBe(false);
    stage.pass(1);
    expect(await stage.hears('ERROR')).toMatchObject({ code: 'ERR_SILENT', remedy: 'reconnect' });
  });

  it('knows how long it has heard nothing when it was given up for that, and only then', async () => {
    const stage = await Stage.start({ loggedIn: true });
    stage.pass(limits.silenceMs);
    expect(stage.connection.silentMs).toBe(0);
    stage.pass(1);
    expect(stage.connection.silentMs).toBe(limits.silenceMs + 1);
    stage.pass(500);
    expect(stage.connection.silentMs).toBe(limits.silenceMs + 501);
  });

  it('does not blame a client for silence while it is not read', async () => {
    const stage = await Stage.start({ loggedIn: true });
    stage.connection.pause('window');
    stage.pass(limits.silenceMs + 1);
    stage.connection.resume('window');
    stage.pass(limits.silenceMs);
    expect(stage.connection.closing).toBe(false);
    stage.pass(1);
    expect(stage.connection.closing).toBe(true);
  });

  it('sends a heartbeat after a second in which it had nothing to say', async () => {
    const stage = await Stage.start({ loggedIn: true });
    stage.pass(limits.heartbeatMs - 1);
    stage.connection.send({ type: 'LIVE', log: 1, seq: 1 });
    await stage.hears('LIVE');
    stage.pass(limits.heartbeatMs - 1);
    expect(stage.heard).toHaveLength(1);
    stage.pass(1);
    await stage.hears('HEARTBEAT');
  });

  it('sends no heartbeat before the login', async () => {
    const stage = await Stage.start();
    stage.pass(limits.heartbeatMs * 2);
    stage.connection.send({ type: 'LIVE', log: 1, seq: 1 });
    await stage.hears('LIVE');
    expect(stage.heard.map(({ type }) => type)).toEqual(['LIVE']);
  });

  it('reads on when all reasons not to are gone', async () => {
    const stage = await Stage.start({ loggedIn: true });
    stage.connection.pause('window');
    stage.connection.pause('output');
    stage.say(heartbeat);
    stage.connection.resume('window');
    await turn();
    expect(stage.frames).toHaveLength(0);
    stage.connection.resume('output');
    await stage.got(1);
  });

  it('has no room when a client does not read, and says so when it has again', async () => {
    const stage = await Stage.start({ loggedIn: true, reading: false });
    const frame = encodeMessage({ type: 'LIVE', log: 1, seq: 1 });
    const frames = Array.from({ length: 1_000 }, () => frame);
    await until(() => {
      stage.connection.write(frames);
      return !stage.connection.hasRoom;
    }, 'a queue that is full');
    const drains = stage.drains;
    stage.client.resume();
    await until(() => stage.drains > drains, 'the queue to drain');
    expect([stage.connection.hasRoom, stage.connection.queuedBytes]).toEqual([true, 0]);
  });

  it('takes no more requests of a client that does not take its answers, until it does', async () => {
    const stage = await Stage.start({ loggedIn: true, reading: false });
    const answer = Buffer.concat(Array.from({ length: 1_000 }, () => encodeMessage({ type: 'LIVE', log: 1, seq: 1 })));
    stage.answer = () => {
      for (let sent = 0; sent < 3 * 1024 * 1024; sent += answer.length) stage.connection.write([answer]);
    };
    const asked = 40;
    stage.say(...Array.from({ length: asked }, () => heartbeat));
    await stage.got(1);
    await turn();
    expect(stage.frames.length).toBeLessThan(asked);
    expect(stage.connection.queuedBytes).toBeLessThan(10 * 1024 * 1024);
    stage.client.resume();
    await stage.got(asked);
  });

  it('reads what a client still sends after its ERROR, so that the ERROR arrives', async () => {
    const stage = await Stage.start({ loggedIn: true, reading: false });
    stage.client.write(Buffer.concat(Array.from({ length: 10_000 }, () => encodeMessage(heartbeat))));
    await stage.got(1);
    stage.connection.fail(new ProtocolError('ERR_SHUTTING_DOWN', 'bye'));
    const chunks: Buffer[] = [];
    stage.client.on('data', (chunk) => chunks.push(chunk));
    await once(stage.client, 'close');
    expect(Buffer.concat(chunks).toString('latin1')).toContain('ERR_SHUTTING_DOWN');
  });

  it('writes nothing after its ERROR', async () => {
    const stage = await Stage.start({ loggedIn: true });
    stage.connection.fail(new ProtocolError('ERR_SHUTTING_DOWN', 'bye'));
    stage.connection.send({ type: 'LIVE', log: 1, seq: 1 });
    stage.connection.fail(new ProtocolError('ERR_INTERNAL', 'again'));
    await until(() => stage.closes === 1, 'the end of the connection');
    expect(stage.heard.map((message) => 'code' in message && message.code)).toEqual(['ERR_SHUTTING_DOWN']);
    expect([stage.connection.closing, stage.connection.hasRoom]).toEqual([true, false]);
  });

  it('cuts a client that does not go after its ERROR', async () => {
    const stage = await Stage.start({ loggedIn: true, reading: false });
    await until(() => {
      stage.connection.write([Buffer.alloc(64 * 1024)]);
      return !stage.connection.hasRoom;
    }, 'a queue that is full');
    stage.connection.fail(new ProtocolError('ERR_SHUTTING_DOWN', 'bye'));
    stage.pass(2_000);
    await turn();
    expect(stage.closes).toBe(0);
    stage.pass(1);
    await until(() => stage.closes === 1, 'the end of the connection');
  });

  it('tells once that a client has gone', async () => {
    const stage = await Stage.start({ loggedIn: true });
    stage.client.resetAndDestroy();
    await until(() => stage.closes === 1, 'the end of the connection');
    stage.connection.destroy();
    stage.connection.send({ type: 'HEARTBEAT' });
    await turn();
    expect([stage.closes, stage.connection.closing]).toEqual([1, true]);
  });
});
