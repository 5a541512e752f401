/** Sessions of one source on one day. */
const sessionsPerDayMax = 99;

/** The source has had all the sessions it may have on one day; a restart does not help before the next one. */
export class SessionNameError extends Error {
  override readonly name = 'SessionNameError';
  readonly code = 'ERR_TOO_MANY_SESSIONS';
}

/**
 * Name of the next session: the date (UTC) and a number among the sessions of that date, `YYYYMMDDNN`.
 * @param nowMs milliseconds since 1970
 * @param names names that exist already
 * @throws SessionNameError `ERR_TOO_MANY_SESSIONS`
 */
export function nextSessionName(nowMs: number, names: readonly string[]): string {
  const date = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '');
  const numbers = names.filter((name) => name.startsWith(date)).map((name) => Number(name.slice(date.length)));
  const number = Math.max(0, ...numbers) + 1;
  if (number > sessionsPerDayMax) {
    throw new SessionNameError(`there are ${sessionsPerDayMax} sessions of ${date} already, the most a day can have`);
  }
  return `${date}${String(number).padStart(2, '0')}`;
}
