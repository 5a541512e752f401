import { eventually } from '../../support/deadline.js';
import { RawClient } from './raw-client.js';

/** What the tests look at of a server's state. */
export interface Inspection {
  /** Of the process that has the log. */
  pid: number;
  edges: {
    pid: number;
    connections: number;
    busy?: boolean;
    subscriptions?: { client: string; state: string; next: number; rewindRestarts: number }[];
  }[];
  /** Null while a process for rewinds is being started. */
  rewindHostPid: number | null;
  /** Counters since the server was started. */
  store: { reopens: number };
}

/** State of a server. */
export async function inspect(port: number): Promise<Inspection> {
  const client = await RawClient.connect(port);
  try {
    return (await client.inspect()) as unknown as Inspection;
  } finally {
    client.cut();
  }
}

/** State of a server once it is as wanted; while it cannot be asked, it is not. */
export async function inspectUntil(
  port: number,
  wanted: (state: Inspection) => boolean,
  what: string,
): Promise<Inspection> {
  return await eventually(async () => {
    const state = await inspect(port).catch(() => undefined);
    return state && wanted(state) ? state : undefined;
  }, what);
}

/** The edge a client is connected to. */
export function edgeOf(state: Inspection, client: string): Inspection['edges'][number] {
  const edge = state.edges.find((one) => follows(one, client));
  if (!edge) throw new Error(`no edge has a subscription of ${client}`);
  return edge;
}

/** Whether a client of that name has a subscription. */
export function hasSubscriptionOf(state: Inspection, client: string): boolean {
  return state.edges.some((edge) => follows(edge, client));
}

/** An edge that is just being started is listed without its subscriptions. */
function follows({ subscriptions = [] }: Inspection['edges'][number], client: string): boolean {
  return subscriptions.some((line) => line.client === client);
}

/** Processes of a server that are not the one that has the log. */
export function forksOf({ pid, edges, rewindHostPid }: Inspection): number[] {
  const others = [...edges.map((edge) => edge.pid), rewindHostPid];
  return [...new Set(others)].filter((fork): fork is number => fork !== null && fork !== pid);
}
