import { describe, expect, it } from 'vitest';
import { readInputs } from '../../../actors/inputs/input-config.js';
import { limits } from '../../../protocol/index.js';

const read = (...inputs: unknown[]) => readInputs(inputs, '/etc/latecomer', ['main', 'files']);

describe('the configuration of inputs', () => {
  it('is settled: paths start from the directory of the list, the first source is fed unless another is named', () => {
    expect(read({ kind: 'file', name: 'app', path: 'app.log' })).toEqual([
      {
        kind: 'file',
        name: 'app',
        source: 'main',
        path: '/etc/latecomer/app.log',
        lineBytesMax: limits.payloadBytesMax,
      },
    ]);
    expect(read({ kind: 'relay', name: 'up', port: 7070, source: 'files' })).toEqual([
      { kind: 'relay', name: 'up', source: 'files', host: '127.0.0.1', port: 7070 },
    ]);
    expect(read({ kind: 'module', name: 'own', path: '/own.mjs', options: { a: 1 } })[0]).toMatchObject({
      options: { a: 1 },
    });
  });

  it('can be read again as it was settled', () => {
    const inputs = read(
      { kind: 'http', name: 'post', port: 8080, tokenFile: 'token' },
      { kind: 'stdin', name: 'in', endOfDay: 'EOD' },
      { kind: 'directory', name: 'dir', path: 'in', lineBytesMax: 10 },
    );
    expect(readInputs(JSON.parse(JSON.stringify(inputs)), '/elsewhere', ['main'])).toEqual(inputs);
  });

  const file = { kind: 'file', name: 'app', path: 'app.log' };
  const stdin = { kind: 'stdin', name: 'in' };
  const relay = { kind: 'relay', name: 'up', port: 1 };
  const wrong: [what: string, inputs: unknown[], message: string][] = [
    ['what is no object', ['app.log'], 'inputs[0]: expected an object with kind and name, found "app.log"'],
    [
      'an unknown kind',
      [file, { ...file, kind: 'fil' }],
      'inputs[1].kind: expected file or directory or stdin or http or relay or soup or module, found "fil"; did you mean file?',
    ],
    [
      'an unknown key',
      [{ ...stdin, endofday: 'x' }],
      'inputs[0]: expected of a stdin input one of name, source, lineBytesMax, endOfDay, found "endofday"; did you mean endOfDay?',
    ],
    ['what is missing', [{ kind: 'file', name: 'app' }], 'inputs[0].path: expected a path, found nothing'],
    [
      'a bad name',
      [{ ...file, name: 'my app' }],
      'inputs[0].name: expected a name of 1 to 64 bytes without commas, spaces or control characters, found "my app"',
    ],
    [
      'an unknown source',
      [{ ...file, source: 'other' }],
      'inputs[0].source: expected one of the sources main, files, found "other"',
    ],
    [
      'a bad number',
      [{ ...file, lineBytesMax: 0 }],
      'inputs[0].lineBytesMax: expected a whole number from 1 to 1048320, found 0',
    ],
    ['a name twice', [file, { ...stdin, name: 'app' }], 'inputs: two are called app; give each a name of its own'],
    ['standard input twice', [stdin, { ...stdin, name: 'too' }], 'inputs: two read standard input; one can'],
    [
      'something beside a relay',
      [relay, file],
      'inputs: up and app feed source main; a relay needs a source of its own',
    ],
  ];
  it.each(wrong)('refuses %s', (_what, inputs, message) => {
    expect(() => read(...inputs)).toThrow(expect.objectContaining({ code: 'ERR_INPUT_CONFIGURATION', message }));
  });
});
