import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { connect, Participant } from '../../../client/index.js';
import { CommandStage } from '../command-stage.js';

const stage = new CommandStage();
const coordinator = (...args: string[]) => stage.start('coordinator', ...args, '--disk-reserve-bytes', '0');

describe('latecomer coordinator', () => {
  it('has one group, keeps it beside its file, comes back on its port, and ends with 0 on SIGTERM', async () => {
    await writeFile(path.join(stage.cwd, 'file'), '0\n60\n');
    const server = coordinator('file');
    const { port, pid } = await server.life(1);
    const alice = new Participant({ port, group: 'group', id: 'alice' });
    expect(await alice.register()).toMatchObject({ tdMs: 60_000 });
    process.kill(pid, 'SIGKILL');
    expect((await server.life(2)).port).toBe(port);
    await alice.msend(Buffer.from('after'));
    const client = await connect({ port, publisher: false });
    expect(client.server).toMatchObject({ source: 'group' });
    expect(await client.members()).toMatchObject([{ group: 'group', participant: 'alice', state: 'online' }]);
    await client.close();
    await alice.close();
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(server.out).toBe(`listening on 127.0.0.1:${port}\nlistening on 127.0.0.1:${port}\n`);

    // The group is empty at the first start only.
    const again = coordinator('file', '--no-supervisor');
    const { port: later } = await again.life(1);
    const back = new Participant({ port: later, group: 'group', id: 'alice' });
    await back.reconnect();
    await back.close();
  });

  it('takes the name of its group and more from JSON, and flags before its file', async () => {
    await writeFile(path.join(stage.cwd, 'file'), '{ "port": 1, "td": "10m", "group": "team" }');
    const server = coordinator('file', '--port', '0', '--data', 'elsewhere', '--no-supervisor');
    const { port } = await server.life(1);
    const alice = new Participant({ port, group: 'team', id: 'alice' });
    expect(await alice.register()).toMatchObject({ tdMs: 600_000 });
    await alice.close();
  });

  it.each([
    [['nope'], 78, /^latecomer: cannot read .*nope: there is no such file\n$/],
    [[], 64, /^latecomer: the file of the coordinator is missing; see latecomer coordinator --help\n$/],
  ])('answers a mistake in one line: %j', async (args, code, line) => {
    const server = coordinator(...args);
    expect(await server.ended).toBe(code);
    expect(server.err).toMatch(line);
  });
});
