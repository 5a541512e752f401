import { UsageError } from '../cli-error.js';
import { integer } from '../setting-kinds.js';
import { suggestion } from '../suggestion.js';

/** What is typed at a participant's prompt. */
export type PromptCommand =
  /** With a port, the participant listens on it and the coordinator connects to it; 0 picks a free one. */
  | { type: 'register' | 'reconnect'; port?: number }
  | { type: 'deregister' | 'disconnect' | 'quit' }
  | { type: 'msend'; message: string }
  | { type: 'help'; about?: string };

/** The commands, what may stand behind each, and what it does. */
const grammar = [
  ['register', '[PORT]', 'join the group; with a port, messages come to it, else over the own connection'],
  ['deregister', '', 'leave the group; what is sent from now on is not for this participant'],
  ['disconnect', '', 'go away for a while; what is sent meanwhile is kept, as long as the group keeps it'],
  ['reconnect', '[PORT]', 'be back, on any port, and get what was sent meanwhile'],
  ['msend', 'MESSAGE', 'send the rest of the line to all members, and wait until the coordinator has it'],
  ['help', '[COMMAND]', 'this help'],
  ['quit', '', 'disconnect and end; so does Ctrl-D'],
] as const;

/** Every word a command begins with, for completion. */
export const promptWords: readonly string[] = grammar.map(([word]) => word);

const port = integer(0, 65_535);

/**
 * Read a line typed at the prompt.
 * @returns `undefined` for a blank one
 * @throws UsageError one line that says what was expected
 */
export function parsePromptCommand(line: string): PromptCommand | undefined {
  const [, word = '', rest = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(line)!;
  switch (word) {
    case '':
      return undefined;
    case 'register':
    case 'reconnect': {
      if (rest === '') return { type: word };
      const number = port.fromText(rest);
      if (number === undefined) throw new UsageError(`${word}: expected a port, ${port.expected}, found "${rest}"`);
      return { type: word, port: number as number };
    }
    case 'deregister':
    case 'disconnect':
    case 'quit':
      if (rest !== '') throw new UsageError(`${word} takes nothing behind it, found "${rest}"`);
      return { type: word };
    case 'msend':
      if (rest === '') throw new UsageError('msend: expected a message behind it');
      return { type: word, message: rest };
    case 'help':
      if (rest === '' || promptWords.includes(rest)) return rest === '' ? { type: word } : { type: word, about: rest };
      throw unknown(rest);
    default:
      throw unknown(word);
  }
}

/** The help, a line an element: all of it, or what is said about one command. */
export function promptHelp(about?: string): string[] {
  const rows = grammar.filter(([word]) => about === undefined || word === about);
  return rows.map(([word, behind, meaning]) => `${`${word} ${behind}`.padEnd(18)}${meaning}`);
}

function unknown(word: string): UsageError {
  return new UsageError(`there is no command "${word}"${suggestion(word, promptWords)}; help lists them`);
}
