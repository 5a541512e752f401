import { readFileSync } from 'node:fs';

/** Files the log may have open at the same time; LevelDB keeps up to so many tables. */
const logFiles = 1_100;

/** Most files this process may have open, sockets included; `undefined` where the system does not say. */
export function openFilesMax(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/**
 * Connections a process can afford: what it may have open, less what the log needs. When no files are left, connections
 * can only be dropped without a word, and, worse, writes fail.
 * @param wanted connections that are configured, and how many of them may be waiting for their login
 * @param openFiles most files the process may have open
 */
export function affordableConnections(
  wanted: { connectionsMax: number; loginsMax: number },
  openFiles: number,
): { connectionsMax: number; loginsMax: number } {
  const affordable = Math.max(Math.floor(openFiles / 2), openFiles - logFiles);
  if (wanted.connectionsMax <= affordable) return wanted;
  return { connectionsMax: affordable, loginsMax: Math.min(wanted.loginsMax, Math.ceil(affordable / 2)) };
}
