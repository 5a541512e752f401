import { escapeControls } from './escape-controls.js';
import type { Terminal } from './terminal.js';

/** Tell the user something on one line of stderr. */
export function say({ stderr }: Pick<Terminal, 'stderr'>, text: string): void {
  stderr.write(`latecomer: ${escapeControls(text)}\n`);
}
