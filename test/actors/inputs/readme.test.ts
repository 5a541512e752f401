import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { inputFields } from '../../../actors/inputs/input-config.js';
import { directoryOfTest } from './reading.js';
import { ServerWithInputs } from './server.js';

const readme = await readFile(new URL('../../../actors/inputs/README.md', import.meta.url), 'utf8');

it('has an example of a module that works as it stands, and goes on after a restart', async () => {
  const data = await directoryOfTest();
  await writeFile(path.join(data, 'ticks.mjs'), /```js\n(.*?)```/s.exec(readme)![1]!);
  const entry = JSON.parse(/^`ticks\.mjs`, with `(\{.*\})`:$/m.exec(readme)![1]!) as { options: object };
  const inputs = [{ ...entry, options: { everyMs: 1 } }];
  const server = await ServerWithInputs.start(inputs, { data });
  expect(await server.texts(3)).toEqual(['tick 1', 'tick 2', 'tick 3']);
  await server.stop();
  const again = await ServerWithInputs.start(inputs, { data });
  const texts = await again.texts(20);
  expect(texts).toEqual(texts.map((_, index) => `tick ${index + 1}`));
});

it('has an example of a configuration that is one', async () => {
  const { inputs, sources } = JSON.parse(/```json\n(.*?)```/s.exec(readme)![1]!) as {
    inputs: object[];
    sources: string[];
  };
  const data = await directoryOfTest();
  await writeFile(path.join(data, 'orders.token'), '0123456789abcdef');
  const harmless = inputs.map((input) => ('port' in input ? { ...input, port: 0 } : { ...input, path: 'app.log' }));
  const server = await ServerWithInputs.start(harmless, { data, sources });
  await server.input('app', ({ state }) => state === 'reading');
  await server.input('orders', ({ position }) => position !== '');
});

it('names every kind of input and what each takes', () => {
  const rows = [...readme.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)];
  expect(rows.map(([, kind]) => kind)).toEqual(Object.keys(inputFields));
  for (const [, kind, takes] of rows) {
    const named = [...takes!.matchAll(/`(\w+)`/g)].map(([, field]) => field);
    const fields = Object.keys(inputFields[kind as keyof typeof inputFields]);
    expect(named.sort()).toEqual(fields.filter((field) => field !== 'lineBytesMax' && field !== 'endOfDay').sort());
  }
});
