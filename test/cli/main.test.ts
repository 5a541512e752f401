import { describe, expect, it } from 'vitest';
import { packageVersion } from '../../actors/package-root.js';
import { commands, main } from '../../cli/main.js';
import { fakeTerminal } from './fake-terminal.js';

async function run(...argv: string[]) {
  const terminal = fakeTerminal();
  const code = await main(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

describe('latecomer', () => {
  it.each([['--help'], ['-h'], ['help']])('lists every command and exit code with %s', async (flag) => {
    const { code, out } = await run(flag);
    expect(code).toBe(0);
    const width = Math.max(...commands.map(({ name }) => name.length));
    for (const { name, summary } of commands) expect(out).toContain(`${name.padEnd(width)}  ${summary}`);
    for (const status of [0, 1, 64, 65, 69, 70, 78, 130]) expect(out).toMatch(new RegExp(`^  ${status}\\s`, 'm'));
  });

  it.each(commands.map(({ name }) => [name]))('explains every flag of %s with --help and with help', async (name) => {
    const { code, out } = await run(name, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Usage: latecomer ${name} `);
    const command = commands.find((candidate) => candidate.name === name)!;
    for (const { flag } of command.options) expect(out).toContain(`--${flag}`);
    expect(out.split('\n').filter((line) => line.length > 110)).toEqual([]);
    expect(await run('help', name)).toEqual({ code, out, err: '' });
  });

  it('prints its version', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${packageVersion()}\n`, err: '' });
  });

  it('shows its help as an error when no command is given', async () => {
    const { code, out, err } = await run();
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toContain('Usage: latecomer COMMAND');
  });

  it.each([
    [['tial'], 64, 'latecomer: there is no command "tial" (did you mean tail?); see latecomer --help\n'],
    [
      ['tail', '--sesion', '1'],
      64,
      'latecomer: tail has no option --sesion (did you mean --session?); see latecomer tail --help\n',
    ],
    [['tail', '--from', 'x'], 64, /^latecomer: --from: expected a whole number of at least 0, found "x"; see/],
    [['tail', '--from', '9', '--to', '8'], 64, /^latecomer: --to 8 is before --from 9; see/],
    [['tail', '--to', '8'], 64, /^latecomer: --to needs --from: /],
    [['tail', '--port', '0'], 64, /^latecomer: port 0 is for serve: /],
    [['publish', '--rate', '0', 'x'], 64, /^latecomer: --rate: expected a number above 0, found "0"; see/],
    [['publish', 'x'.repeat(1024 * 1024)], 65, /^latecomer: argument 1 is 1048576 bytes, more than \d+, /],
    [['serve', '--port', 'x'], 78, 'latecomer: --port: expected a whole number from 0 to 65535, found "x"\n'],
    [['check', '--config', 'nope.json'], 78, /nope\.json: there is no such file\n$/],
    [['check', '--actors', 'nope.json'], 78, /nope\.json: there is no such file\n$/],
    [
      ['tail', '--port', '1'],
      69,
      /^latecomer: no server listens on 127\.0\.0\.1:1: start one with `latecomer serve`, or/,
    ],
  ] as const)('answers a mistake in one line: %j', async (argv, code, line) => {
    const result = await run(...argv);
    expect(result).toMatchObject({ code, out: '' });
    expect(result.err).toMatch(line);
    expect(result.err.trimEnd().split('\n')).toHaveLength(1);
  });

  it('prints the merged configuration as a table, or as a file that gives the same again', async () => {
    const plain = await run('check', '--port', '0');
    expect(plain.code).toBe(0);
    expect(plain.out).toMatch(/^SETTING +VALUE +FROM\n/);
    expect(plain.out).toMatch(/^port +0 +--port$/m);
    expect(plain.out).toMatch(/^soupPort +off +default$/m);
    const asJson = await run('check', '--port', '0', '--json', '--actors', 'edges');
    expect(JSON.parse(asJson.out)).toMatchObject({ port: 0, generator: { rate: 2, source: 'main' } });
  });

  it('keeps a password out of the table, but not out of the file', async () => {
    const plain = await run('check', '--soup-password', 'secret');
    expect(plain.out).toMatch(/^soupPassword +\(set\) +--soup-password$/m);
    const asJson = await run('check', '--soup-password', 'secret', '--json');
    expect(JSON.parse(asJson.out)).toMatchObject({ soupPassword: 'secret' });
  });
});
