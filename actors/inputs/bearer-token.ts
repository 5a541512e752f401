import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InputError } from './input-error.js';

/** Shorter ones can be guessed. */
const charactersMin = 16;

/** The token that one who posts has to show. */
export class BearerToken {
  readonly #digest: Buffer;

  private constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /**
   * @param file holds it, and maybe a newline
   * @throws InputError `ERR_INPUT_CONFIGURATION`
   */
  static async read(file: string): Promise<BearerToken> {
    const token = await readFile(file, 'utf8').catch((cause: Error) => {
      const message = `cannot read the token of an http input: ${cause.message}`;
      throw new InputError('ERR_INPUT_CONFIGURATION', message, { cause });
    });
    const trimmed = token.trim();
    if (/^[\x21-\x7e]+$/.test(trimmed) && trimmed.length >= charactersMin) return new BearerToken(trimmed);
    const message = `${file}: expected a token of at least ${charactersMin} printable characters without spaces, found ${trimmed.length} characters`;
    throw new InputError('ERR_INPUT_CONFIGURATION', message);
  }

  /** Whether an Authorization header shows it; takes as long whatever the header says. */
  isIn(authorization: string | undefined): boolean {
    const shown = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digestOf(shown), this.#digest);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
