import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { eventually, within } from '../support/deadline.js';
import type { LatecomerProcess } from '../support/latecomer-process.js';
import { useArena } from './support/arena.js';
import { GroupModel } from './support/group-model.js';
import { childOf, signal } from './support/processes.js';
import { key, PromptProcess, terminalMissing } from './support/prompt.js';

const arena = useArena();
const ids = ['alice', 'bob', 'carol'] as const;
type Id = (typeof ids)[number];

let directory: string;
let coordinator: LatecomerProcess;
let port: number;

/** `latecomer coordinator` with the data of the one before. */
async function coordinate(): Promise<void> {
  const flags = ['--no-supervisor', '--disk-reserve-bytes', '0', ...(port ? ['--port', String(port)] : [])];
  coordinator = arena.run(['coordinator', join(directory, 'coordinator'), ...flags]);
  port = await coordinator.listening();
}

function sit(id: Id): Promise<PromptProcess> {
  return PromptProcess.start(arena, join(directory, id));
}

const logOf = async (id: Id): Promise<string> => readFile(join(directory, `${id}.log`), 'utf8');

/** Wait for a log to hold something. */
async function logged(id: Id, content: string): Promise<void> {
  await eventually(async () => (await logOf(id)) === content || undefined, `the log of ${id} to be\n${content}`);
}

beforeEach(async () => {
  port = 0;
  directory = await arena.directory();
  await writeFile(join(directory, 'coordinator'), '0\n3600\n');
  await coordinate();
  for (const id of ids) await writeFile(join(directory, id), `${id}\n${id}.log\n127.0.0.1 ${port}\n`);
});

describe.skipIf(terminalMissing)(`a session at real prompts (${terminalMissing ?? 'python3 is here'})`, () => {
  test('leaves in each log, byte for byte, what its participant was entitled to', { timeout: 120_000 }, async () => {
    const model = new GroupModel();
    const [alice, bob] = await Promise.all([sit('alice'), sit('bob')]);
    let carol = await sit('carol');
    let sent = 0;
    const send = async (from: PromptProcess, text: string): Promise<void> => {
      sent += 1;
      expect(await from.type(`msend ${text}`)).toBe(`acknowledged, number ${sent}`);
      model.send(text);
    };

    expect(await alice.type('register')).toBe('registered, the next message is number 1');
    model.register('alice');
    await send(alice, 'HelloWorld');
    expect(await bob.type('register 0')).toBe('registered, the next message is number 2');
    model.register('bob');
    expect(await carol.type('register')).toBe('registered, the next message is number 2');
    model.register('carol');
    await send(bob, 'from bob, who listens');
    await send(carol, 'from carol');

    // One goes away and comes back, at another port.
    expect(await bob.type('disconnect')).toBe('disconnected');
    model.away('bob');
    await send(alice, 'bob is away 1');
    await send(carol, 'bob is away 2');
    expect(await bob.type('msend nobody hears this')).toMatch(
      /^latecomer: participant bob is not connected: .*ERR_NOT_CONNECTED/,
    );
    expect(await bob.type('reconnect 0')).toMatch(/^reconnected, messages \d to 5 were sent meanwhile$/);
    model.back('bob');
    await send(bob, 'bob is back');

    // One is killed, and comes back as another process.
    signal(childOf(carol.process.pid), 'SIGKILL');
    await within(carol.process.closed, 'carol to be gone');
    model.away('carol');
    await send(alice, 'carol was killed');
    carol = await sit('carol');
    expect(await carol.type('reconnect')).toMatch(/^reconnected, .* sent meanwhile$/);
    model.back('carol');

    // The coordinator is killed, and everybody is back by itself.
    coordinator.child.kill('SIGKILL');
    await within(coordinator.closed, 'the coordinator to be gone');
    await Promise.all(
      [alice, bob, carol].map((prompt) => prompt.shows(/connection lost, reconnecting: [^\n]*\n\S+> $/)),
    );
    await coordinate();
    await Promise.all([alice, bob, carol].map((prompt) => prompt.shows(/reconnected, [^\n]*\n\S+> $/)));
    await send(carol, 'after the crash');

    // One leaves, and comes as a new one.
    await logged('carol', model.log('carol'));
    expect(await carol.type('deregister')).toBe('deregistered');
    model.deregister('carol');
    await send(alice, 'not for carol');
    expect(await carol.type('reconnect')).toMatch(/^latecomer: .*not registered.*ERR_NOT_REGISTERED/);
    expect(await carol.type('register')).toBe(`registered, the next message is number ${sent + 1}`);
    model.register('carol');
    await send(bob, 'the last one');

    for (const id of ids) await logged(id, model.log(id));
    for (const prompt of [alice, bob, carol]) prompt.press(key.end);
    expect(await Promise.all([alice, bob, carol].map((prompt) => prompt.ended()))).toEqual([0, 0, 0]);
    for (const id of ids) expect(await logOf(id)).toBe(model.log(id));
  });

  test('the prompt has help, completion and history, and Ctrl-C empties the line and then ends', async () => {
    const alice = await sit('alice');
    expect(await alice.type('help')).toMatch(/^register \[PORT\] +join[\s\S]*quit +disconnect/);
    alice.press('reg');
    await alice.shows(/reg$/);
    alice.press(key.tab);
    await alice.shows(/ister$/);
    alice.press(key.enter);
    expect(await alice.answer()).toBe('registered, the next message is number 1');
    expect(await alice.type('msend again')).toBe('acknowledged, number 1');
    alice.press(`${key.up}${key.enter}`);
    expect(await alice.answer()).toBe('acknowledged, number 2');
    expect(await alice.type('mesnd x')).toBe(
      'latecomer: there is no command "mesnd" (did you mean msend?); help lists them',
    );
    alice.press(`msend never sent${key.interrupt}`);
    expect(await alice.type('msend third')).toBe('acknowledged, number 3');
    await logged('alice', 'again\nagain\nthird\n');
    alice.press(key.interrupt);
    expect(await alice.ended()).toBe(0);
  });
});
