const controls = /[\p{Cc}\u2028\u2029]/u;

/**
 * Control characters, line and paragraph separators as JSON would escape them, so that what others have written can
 * neither break a line nor talk to the terminal.
 */
export function escapeControls(text: string): string {
  if (!controls.test(text)) return text;
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    if (character === '\t') return '\\t';
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A value as JSON on one line, in which the controls that JSON allows (DEL and those of ISO 6429) are escaped too. */
export function jsonText(value: unknown): string {
  return escapeControls(JSON.stringify(value));
}
