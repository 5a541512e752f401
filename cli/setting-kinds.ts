import { limits } from '../protocol/index.js';

/** What a setting's value may be, and how it is written as text (flag, environment) and in a JSON file. */
export interface SettingKind {
  /** As `--help` shows the value. */
  placeholder: string;
  /** What a value must be, to follow "expected". */
  expected: string;
  /** The value that text stands for; `undefined` when it stands for none. */
  fromText(text: string): unknown;
  /** The value that JSON stands for; `undefined` when it stands for none. */
  fromJson(value: unknown): unknown;
}

/** A whole number of a range, both ends included. */
export function integer(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): SettingKind {
  const fromJson = (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum ? value : undefined;
  const expected =
    maximum === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${minimum}`
      : `a whole number from ${minimum} to ${maximum}`;
  return {
    placeholder: 'N',
    expected,
    fromText: (text) => (/^\d+$/.test(text) ? fromJson(Number(text)) : undefined),
    fromJson,
  };
}

/** Messages a second, or `off`, which is 0. */
export function rate(maximum: number): SettingKind {
  const fromJson = (value: unknown) => {
    if (value === 'off') return 0;
    return typeof value === 'number' && value >= 0 && value <= maximum ? value : undefined;
  };
  return {
    placeholder: 'off|RATE',
    expected: `off, or messages a second up to ${maximum}`,
    fromText: (text) => fromJson(/^\d+(\.\d+)?$/.test(text) ? Number(text) : text),
    fromJson,
  };
}

/** A port, or `off`. */
export const portOrOff: SettingKind = (() => {
  const port = integer(0, 65_535);
  return {
    placeholder: 'off|N',
    expected: `off, or ${port.expected}`,
    fromText: (text) => (text === 'off' ? text : port.fromText(text)),
    fromJson: (value) => (value === 'off' ? value : port.fromJson(value)),
  };
})();

/** What a fixed field of a login holds: printable ASCII, without spaces, which are its pads. */
export function login(lengthMax: number): SettingKind {
  const fromJson = (value: unknown) =>
    typeof value === 'string' && value.length <= lengthMax && /^[\x21-\x7e]+$/.test(value) ? value : undefined;
  const expected = `1 to ${lengthMax} printable ASCII characters without spaces`;
  return { placeholder: 'TEXT', expected, fromText: fromJson, fromJson };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): SettingKind {
  const fromJson = (value: unknown) => (words.includes(value as string) ? value : undefined);
  return { placeholder: words.join('|'), expected: words.join(' or '), fromText: fromJson, fromJson };
}

/** Text that is not empty. */
export function text(placeholder: string, expected: string): SettingKind {
  const fromJson = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? value : undefined);
  return { placeholder, expected, fromText: fromJson, fromJson };
}

/** A time of day on a clock of 24 hours. */
export const timeOfDay: SettingKind = matching('HH:MM', 'a time of day from 00:00 to 23:59', (value) =>
  /^([01]\d|2[0-3]):[0-5]\d$/.test(value),
);

/** A time zone by its name. */
export const timeZone: SettingKind = matching('ZONE', 'a time zone such as UTC or Europe/Berlin', (value) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
});

/** A name as the wire allows it. */
export const name: SettingKind = {
  placeholder: 'NAME',
  expected: `a name of 1 to ${limits.nameBytesMax} bytes without commas, spaces or control characters`,
  fromText: toName,
  fromJson: toName,
};

/** A list of different names; as text, separated by commas. */
export const names: SettingKind = {
  placeholder: 'NAME,…',
  expected: `a list of different names, each ${name.expected.slice(2)}`,
  fromText: (value) => toNames(value.split(',')),
  fromJson: toNames,
};

function matching(placeholder: string, expected: string, matches: (value: string) => boolean): SettingKind {
  const fromJson = (value: unknown) => (typeof value === 'string' && matches(value) ? value : undefined);
  return { placeholder, expected, fromText: fromJson, fromJson };
}

function toName(value: unknown): string | undefined {
  const isName =
    typeof value === 'string' &&
    /^[^\s,\p{Cc}\ufffd]+$/u.test(value) &&
    Buffer.byteLength(value) <= limits.nameBytesMax;
  return isName ? value : undefined;
}

function toNames(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size !== value.length) return undefined;
  return value.every((item) => toName(item) !== undefined) ? (value as string[]) : undefined;
}

/** A list of inputs; what is in it is checked when the sources are known. */
export const inputs: SettingKind = listOf('inputs');

/** A list of groups; what is in it is checked when the sources are known. */
export const groups: SettingKind = listOf('groups');

function listOf(what: string): SettingKind {
  return {
    placeholder: 'JSON',
    expected: `a JSON list of ${what}`,
    fromText: (value) => {
      try {
        return toList(JSON.parse(value));
      } catch {
        return undefined;
      }
    },
    fromJson: toList,
  };
}

function toList(value: unknown): unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}
