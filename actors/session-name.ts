/** Sessions of one source on one day. */
const sessionsPerDayMax = 99;

/**
 * Name of the next session: the date (UTC) and a number among the sessions of that date, `YYYYMMDDNN`.
 * @param nowMs milliseconds since 1970
 * @param names names that exist already
 */
export function nextSessionName(nowMs: number, names: readonly string[]): string {
  const date = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '');
  const numbers = names.filter((name) => name.startsWith(date)).map((name) => Number(name.slice(date.length)));
  const number = Math.max(0, ...numbers) + 1;
  if (number > sessionsPerDayMax) throw new Error(`${sessionsPerDayMax} sessions on ${date} already`);
  return `${date}${String(number).padStart(2, '0')}`;
}
