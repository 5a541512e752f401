/**
 * A clock that never goes backwards, whatever is done to the one behind it: the times of a group's messages and the
 * comings and goings of its participants are read off one such clock, so that they can be compared.
 * @param clock milliseconds since 1970
 * @param fromMs the latest time that is on record
 */
export function steadyClock(clock: () => number, fromMs: number): () => number {
  let nowMs = fromMs;
  return () => {
    nowMs = Math.max(nowMs, clock());
    return nowMs;
  };
}
