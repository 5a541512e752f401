import { describe, expect, it } from 'vitest';
import { UsageError } from '../../cli/cli-error.js';
import { publish } from '../../cli/commands/publish.js';
import { serve } from '../../cli/commands/serve.js';
import { tail } from '../../cli/commands/tail.js';
import { parseCommand } from '../../cli/parse-command.js';

describe('parseCommand', () => {
  it('tells settings from options of the command and from arguments', () => {
    expect(parseCommand(publish, ['--port', '1', 'a', '--rate=2', '--config', 'c.json', 'b'])).toEqual({
      help: false,
      flags: { port: '1' },
      options: new Map([['rate', '2']]),
      file: 'c.json',
      positionals: ['a', 'b'],
    });
  });

  it('takes what follows -- as it is', () => {
    expect(parseCommand(publish, ['--', '--port', '-h']).positionals).toEqual(['--port', '-h']);
  });

  it('joins the sources of a server and lets the last of other flags win', () => {
    const { flags } = parseCommand(serve, ['--source', 'a', '--source', 'b', '--port', '0', '--port', '7071']);
    expect(flags).toEqual({ source: 'a,b', port: '7071' });
  });

  it('sees -h and --help before it minds arguments', () => {
    expect(parseCommand(tail, ['-h', 'x']).help).toBe(true);
    expect(parseCommand(tail, ['--help']).help).toBe(true);
  });

  it.each([
    [tail, ['--prot', '1'], 'tail has no option --prot (did you mean --port?)'],
    [tail, ['--data', 'x'], /^tail has no option --data/],
    [tail, ['--from'], '--from needs a value'],
    [tail, ['--from', '--json'], '--from needs a value'],
    [tail, ['--json=yes'], '--json takes no value, found "yes"'],
    [tail, ['main'], 'tail does not take the argument "main"'],
    [publish, ['-5'], /^publish has no option -5.*; a message that starts with a dash goes behind --$/],
  ])('refuses what $0.name does not take: %j', (command, args, message) => {
    expect(() => parseCommand(command, args)).toThrow(UsageError);
    expect(() => parseCommand(command, args)).toThrow(message);
  });
});
