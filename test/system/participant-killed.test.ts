import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Participant } from '../../client/index.js';
import { eventually, within } from '../support/deadline.js';
import { useArena } from './support/arena.js';

const arena = useArena();
const kills = 10;
const perRound = 2_000;

test.each([
  ['over its own connection', ''],
  ['at a port', ' 0'],
])(
  'a participant that is killed while messages come has each line once and in order, %s',
  { timeout: 120_000 },
  async (_, listen) => {
    const directory = await arena.directory();
    const { port } = await arena.start({ flags: ['--groups', '[{ "name": "group", "td": "1h" }]'] });
    await writeFile(join(directory, 'alice'), `alice\nalice.log\n127.0.0.1:${port}\n`);
    const log = (): Promise<string> => readFile(join(directory, 'alice.log'), 'utf8').catch(() => '');
    const sender = new Participant({ port, group: 'group', id: 'sender' });
    arena.defer(() => sender.close());
    await sender.register();
    const program = () => arena.run(['participant', join(directory, 'alice')]);

    let alice = program();
    alice.child.stdin!.write(`register${listen}\n`);
    await alice.until(({ out }) => (out.includes('registered') ? true : undefined), 'registered');
    let sent = 0;
    const linesOf = (count: number): string =>
      Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');
    for (let kill = 1; kill <= kills; kill += 1) {
      const before = (await log()).length;
      const sending = [];
      for (let n = 0; n < perRound; n += 1) {
        sent += 1;
        sending.push(sender.msend(Buffer.from(`line ${sent}`)));
      }
      await eventually(async () => (await log()).length > before || undefined, 'a line');
      alice.child.kill('SIGKILL');
      await within(alice.closed, 'the end of the participant');
      await Promise.all(sending);
      alice = program();
      alice.child.stdin!.write(`reconnect${listen}\n`);
      await alice.until(({ out }) => (out.includes('reconnected') ? true : undefined), 'reconnected');
    }
    const wanted = linesOf(sent);
    await eventually(async () => (await log()).length >= wanted.length || undefined, 'all lines');
    alice.child.stdin!.end();
    expect(await within(alice.closed, 'the end of the participant')).toMatchObject({ code: 0 });
    expect(await log()).toBe(wanted);
  },
);
