import type { SessionReport } from '../client/index.js';
import { escapeControls } from './escape-controls.js';
import { sizeText } from './size-text.js';

/**
 * What was done with a session, for people.
 * @param done such as `archived`
 */
export function reportText(done: string, report: SessionReport): string[] {
  const { session, messages, losses, file, fileBytes } = report;
  const lines = [`${done} session ${session.session} of ${session.source}: ${rangeText(messages, session.lastSeq)}`];
  if (file !== undefined) lines.push(field('file', file));
  const blocks = session.bytes === undefined ? '' : `${sizeText(session.bytes)} of blocks`;
  if (fileBytes !== undefined) lines.push(field('size', `${sizeText(fileBytes)} for ${blocks}`));
  else if (blocks !== '') lines.push(field('size', blocks));
  if (session.digest !== undefined) lines.push(field('sha256', session.digest));
  for (const loss of losses) lines.push(field('LOST', lossText(loss)));
  const listed = losses.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const others = session.lastSeq - messages - listed;
  if (others > 0) lines.push(field('LOST', `${others} more messages`));
  return lines.map(escapeControls);
}

function field(name: string, value: string): string {
  return `  ${name.padEnd(6)}  ${value}`;
}

function rangeText(messages: number, lastSeq: number): string {
  if (lastSeq === 0) return 'no messages';
  const count = messages === lastSeq ? `${messages}` : `${messages} of ${lastSeq}`;
  return `${count} ${lastSeq === 1 ? 'message' : 'messages'}, numbers 1 to ${lastSeq}`;
}

function lossText({ from, to, reason }: SessionReport['losses'][number]): string {
  return from === to ? `message ${from} (${reason})` : `messages ${from} to ${to} (${to - from + 1}, ${reason})`;
}
