import { UsageError } from './cli-error.js';

/**
 * The value of an option that is a whole number.
 * @returns `undefined` when the option is not given
 * @throws UsageError when it is not a whole number of at least `minimum`
 */
export function wholeNumber(
  options: ReadonlyMap<string, string | true>,
  flag: string,
  minimum: number,
): number | undefined {
  const text = options.get(flag);
  if (text === undefined) return undefined;
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && Number.isSafeInteger(value))) {
    throw new UsageError(`--${flag}: expected a whole number of at least ${minimum}, found ${JSON.stringify(text)}`);
  }
  return value;
}

/** As {@link wholeNumber}, for any number above 0. */
export function positiveNumber(options: ReadonlyMap<string, string | true>, flag: string): number | undefined {
  const text = options.get(flag);
  if (text === undefined) return undefined;
  const value = typeof text === 'string' && /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && Number.isFinite(value))) {
    throw new UsageError(`--${flag}: expected a number above 0, found ${JSON.stringify(text)}`);
  }
  return value;
}
