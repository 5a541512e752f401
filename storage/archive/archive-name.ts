/** What the names of archives end with: any tool that knows gzip decompresses them. */
export const archiveSuffix = '.latecomer.gz';

/** Name of the file of a session's archive. */
export function archiveName(source: string, session: string): string {
  return `${encodeURIComponent(source)}-${encodeURIComponent(session)}${archiveSuffix}`;
}
