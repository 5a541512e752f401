import path from 'node:path';
import { UsageError } from '../cli-error.js';
import type { Command, CommandInput } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import type { MessageLog } from '../group/message-log.js';
import { messageLogFailure, openMessageLog } from '../group/open-message-log.js';
import { type ParticipantFile, readParticipantFile } from '../group/participant-file.js';
import { failureText, ParticipantProgram } from '../group/participant-program.js';
import { Prompt } from '../group/prompt.js';
import { parsePromptCommand, promptWords } from '../group/prompt-command.js';
import { say } from '../say.js';

/** How long the coordinator is waited for at the end; it notices by itself that the participant is gone. */
const endMs = 2_000;

/** `latecomer participant`: a member of a group, at a prompt. */
export const participant: Command = {
  name: 'participant',
  summary: 'take part in a group, at a prompt or with commands from a pipe',
  usage: 'FILE [options]',
  settings: [],
  options: [],
  positionalsMax: 1,
  notes: [
    'FILE has three lines: the id of the participant, its message log, and host and port of the coordinator. Or it is JSON: { "id": "alice", "log": "alice.log", "coordinator": "127.0.0.1:7070" }, with "group", "td" and "single" where they are needed.',
    `Commands, one a line: ${promptWords.join(', ')}; help explains them.`,
    'Each message is appended to the log as one line, in the order received; how far it is, is kept in LOG.position beside it, so that after a crash no line is missing, doubled or cut. Commands from a pipe are done one after the other; the exit code is 0 when all of them succeeded.',
  ],

  async run(input) {
    const file = fileOf(input);
    const { log, close } = await openMessageLog(file.log);
    try {
      return await converse(input, file, log);
    } finally {
      await close();
    }
  },
};

function fileOf({ positionals, terminal }: CommandInput): ParticipantFile {
  const [argument] = positionals;
  if (argument === undefined) throw new UsageError('the file of the participant is missing');
  return readParticipantFile(path.resolve(terminal.cwd, argument));
}

async function converse({ terminal }: CommandInput, file: ParticipantFile, log: MessageLog): Promise<number> {
  let allDone = true;
  const failed = new AbortController();
  const prompt = new Prompt({
    terminal: { ...terminal, interrupted: AbortSignal.any([terminal.interrupted, failed.signal]) },
    text: `${file.id}> `,
    words: promptWords,
    run: async (line, signal) => {
      try {
        const command = parsePromptCommand(line);
        if (command === undefined) return true;
        for (const text of await program.run(command, signal)) prompt.print(text);
        return command.type !== 'quit';
      } catch (error) {
        allDone = false;
        say(terminal, failureText(error));
        return true;
      }
    },
  });
  const notice = (text: string): void => prompt.print(text);
  const program = new ParticipantProgram({ file, log, notice, failed: (error) => failed.abort(error) });
  if (prompt.isInteractive) {
    const { host, port } = file.coordinator;
    prompt.print(`participant ${file.id} of ${file.group}, coordinator ${host}:${port}; help lists the commands`);
  }
  await prompt.run();
  await program.end(AbortSignal.timeout(endMs));
  if (failed.signal.aborted) throw messageLogFailure(failed.signal.reason, file.log);
  return allDone || prompt.isInteractive ? ExitCode.done : ExitCode.failed;
}
