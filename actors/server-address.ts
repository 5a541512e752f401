/** Where a server listens. */
export interface ServerAddress {
  host: string;
  port: number;
  /** For clients of the Soup family, on the same host; absent when they are not served. */
  soupPort?: number;
}
