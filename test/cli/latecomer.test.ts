import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandStage } from './command-stage.js';

const stage = new CommandStage();
const latecomer = (...args: string[]) => stage.start(...args);
const serve = (...args: string[]) =>
  latecomer('serve', '--port', '0', '--generator', 'off', '--disk-reserve-bytes', '0', ...args);

describe('latecomer serve', () => {
  it('prints where it listens, serves publish and tail, and ends with 0 and nothing left on SIGTERM', async () => {
    const server = serve();
    const { port } = await server.life(1);
    const published = latecomer('publish', '--port', String(port), 'hello');
    expect(await published.ended).toBe(0);
    const tail = latecomer('tail', '--port', String(port), '--from', '1', '--count', '1', '--json');
    expect(await tail.ended).toBe(0);
    expect(JSON.parse(tail.out)).toMatchObject({ seq: 1, payload: 'hello' });
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(server.out).toBe(`listening on 127.0.0.1:${port}\n`);
  });

  it('comes back on its port with everything acknowledged when the server process is killed', async () => {
    const server = serve();
    const first = await server.life(1);
    expect(await latecomer('publish', '--port', String(first.port), 'before').ended).toBe(0);
    process.kill(first.pid, 'SIGKILL');
    const second = await server.life(2);
    expect(second.port).toBe(first.port);
    expect(await latecomer('publish', '--port', String(first.port), 'after').ended).toBe(0);
    const tail = latecomer('tail', '--port', String(first.port), '--from', '1', '--count', '2');
    expect(await tail.ended).toBe(0);
    expect(tail.out.split('\n').map((line) => line.split('\t')[2])).toEqual(['before', 'after', undefined]);
  });

  it('leaves nothing behind when its supervisor is killed, forks included', async () => {
    const server = serve('--actors', 'edges');
    await server.life(1);
    server.child.kill('SIGKILL');
    expect(await server.ended).toBe('SIGKILL');
  });

  it.each([[[]], [['--no-supervisor']]])('ends with 130 on Ctrl-C, with options %j', async (options) => {
    const server = serve(...options);
    await server.life(1);
    server.child.kill('SIGINT');
    expect(await server.ended).toBe(130);
  });

  it('refuses a port or a directory that is in use in one line, without trying again', async () => {
    const server = serve('--data', 'one');
    const { port } = await server.life(1);
    const samePort = latecomer('serve', '--port', String(port), '--data', 'two', '--generator', 'off');
    expect(await samePort.ended).toBe(69);
    expect(samePort.err.split('\n').filter((line) => line.startsWith('latecomer: '))).toEqual([
      expect.stringMatching(`^latecomer: port 127\\.0\\.0\\.1:${port} is in use: `),
    ]);
    const sameDirectory = serve('--data', 'one');
    expect(await sameDirectory.ended).toBe(69);
    expect(sameDirectory.err.split('\n').filter((line) => line.startsWith('latecomer: '))).toHaveLength(1);
  });

  it('refuses a placement that cannot work in one line, without trying again', async () => {
    await writeFile(path.join(stage.cwd, 'placement.json'), '{ "Edg": {} }');
    const server = serve('--actors', 'placement.json');
    expect(await server.ended).toBe(78);
    expect(server.err).toMatch(/^latecomer: .*placement\.json: unknown actor 'Edg'[^\n]*\n$/);
  });
});

describe('latecomer tail', () => {
  it('ends with 0 when its reader goes away, and with 130 on Ctrl-C', async () => {
    const server = latecomer('serve', '--port', '0', '--generator', '200', '--disk-reserve-bytes', '0');
    const { port } = await server.life(1);
    const piped = latecomer('tail', '--port', String(port), '--from', '1');
    await piped.until(({ out }) => (out.includes('\n') ? true : undefined));
    piped.child.stdout!.destroy();
    expect(await piped.ended).toBe(0);
    expect(piped.err).toBe('');
    const interrupted = latecomer('tail', '--port', String(port), '--from', '1');
    await interrupted.until(({ out }) => (out.includes('\n') ? true : undefined));
    interrupted.child.kill('SIGINT');
    expect(await interrupted.ended).toBe(130);
    expect(interrupted.err).toBe('');
  });
});
