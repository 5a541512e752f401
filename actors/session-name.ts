/** Sessions of one source on one day. */
const sessionsPerDayMax = 99;

/** The source has had all the sessions it may have on one day; a restart does not help before the next one. */
export class SessionNameError extends Error {
  override readonly name = 'SessionNameError';
  readonly code = 'ERR_TOO_MANY_SESSIONS';
}

/**
 * Name of the next session: the date and a number among the sessions of that date, `YYYYMMDDNN`.
 * @param date `YYYYMMDD`
 * @param names names that exist already; those of other kinds count as nothing
 * @throws SessionNameError `ERR_TOO_MANY_SESSIONS`
 */
export function nextSessionName(date: string, names: readonly string[]): string {
  const numbers = names
    .filter((name) => name.startsWith(date) && /^\d{10}$/.test(name))
    .map((name) => Number(name.slice(date.length)));
  const number = Math.max(0, ...numbers) + 1;
  if (number > sessionsPerDayMax) {
    throw new SessionNameError(`there are ${sessionsPerDayMax} sessions of ${date} already, the most a day can have`);
  }
  return `${date}${String(number).padStart(2, '0')}`;
}
