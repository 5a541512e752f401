import { describe, expect, it } from 'vitest';
import { parsePromptCommand, promptHelp, promptWords } from '../../../cli/group/prompt-command.js';

describe('a line at the prompt', () => {
  it.each([
    ['register', { type: 'register' }],
    ['  register   7001  ', { type: 'register', port: 7001 }],
    ['reconnect 0', { type: 'reconnect', port: 0 }],
    ['deregister', { type: 'deregister' }],
    ['disconnect', { type: 'disconnect' }],
    ['msend UGACSRocks', { type: 'msend', message: 'UGACSRocks' }],
    ['msend  two  words ', { type: 'msend', message: 'two  words' }],
    ['help', { type: 'help' }],
    ['help msend', { type: 'help', about: 'msend' }],
    ['quit', { type: 'quit' }],
    ['', undefined],
    ['   ', undefined],
  ])('%j is a command', (line, expected) => {
    expect(parsePromptCommand(line)).toEqual(expected);
  });

  it.each([
    ['register x', 'register: expected a port, a whole number from 0 to 65535, found "x"'],
    ['reconnect 70000', 'reconnect: expected a port, a whole number from 0 to 65535, found "70000"'],
    ['disconnect now', 'disconnect takes nothing behind it, found "now"'],
    ['msend', 'msend: expected a message behind it'],
    ['mesnd hi', 'there is no command "mesnd" (did you mean msend?); help lists them'],
    ['help me', 'there is no command "me"; help lists them'],
    ['Register', 'there is no command "Register" (did you mean register?); help lists them'],
  ])('%j is a mistake', (line, message) => {
    expect(() => parsePromptCommand(line)).toThrow(message);
  });

  it('is explained by the help, which has every command', () => {
    expect(promptHelp().map((line) => line.split(' ')[0])).toEqual(promptWords);
    expect(promptHelp('msend')).toEqual([expect.stringMatching(/^msend MESSAGE +send /)]);
    for (const line of promptHelp()) expect(line.length).toBeLessThan(110);
  });
});
