/**
 * `ERR_INPUT_CONFIGURATION` – an input is configured wrongly;
 * `ERR_INPUT_BATCH` – an input brought something that cannot be published, or kept;
 * `ERR_INPUT_LINE` – a line is longer than the input takes;
 * `ERR_INPUT_MODULE` – a module does not export an input;
 * `ERR_INPUT_NUMBERS` – a relay cannot continue its numbering in the session there is;
 * `ERR_INPUT_GONE` – what an input was reading is not there any more.
 */
export type InputErrorCode =
  | 'ERR_INPUT_CONFIGURATION'
  | 'ERR_INPUT_BATCH'
  | 'ERR_INPUT_LINE'
  | 'ERR_INPUT_MODULE'
  | 'ERR_INPUT_NUMBERS'
  | 'ERR_INPUT_GONE';

/** What an input cannot go on with, and starting it again would not help: a person has to change something. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code: InputErrorCode;

  constructor(code: InputErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Whether starting an input anew would not help; a module may have a copy of the class of its own. */
export function isInputError(error: Error): boolean {
  return error instanceof InputError || error.name === 'InputError';
}
