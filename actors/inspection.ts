import type { ArchiverProtocol } from './archiver.js';
import type { EdgeInspection, EdgeProtocol } from './edge.js';
import type { GeneratorProtocol } from './generator.js';
import type { Ref } from './runtime/index.js';
import type { SessionProtocol } from './session.js';

/** Lines on subscriptions in one inspection, over all edges: it has to fit a frame. */
const subscriptionsMax = 1_000;
/** A part that takes longer to answer is shown as busy. */
const answerMs = 2_000;

/** The actors that have something to say about themselves. */
export interface InspectedActors {
  sessions: Iterable<Ref<SessionProtocol>>;
  edges: readonly Ref<EdgeProtocol>[];
  generator: Ref<GeneratorProtocol> | undefined;
  archiver: Ref<ArchiverProtocol> | undefined;
}

/** Ask every part of the server for its state. */
export async function inspectActors({ sessions, edges, generator, archiver }: InspectedActors): Promise<{
  sessions: unknown[];
  edges: (EdgeInspection | { pid: number; busy: true })[];
  generator: unknown;
  archiver: unknown;
}> {
  const ask = { timeoutMs: answerMs };
  const linesMax = Math.floor(subscriptionsMax / Math.max(1, edges.length));
  const [ofSessions, ofEdges, ofGenerator, ofArchiver] = await Promise.all([
    Promise.all([...sessions].map((session) => session.ask('inspect', {}, ask))),
    Promise.all(
      edges.map((edge) => edge.ask('inspect', { linesMax }, ask).catch(() => ({ pid: edge.pid, busy: true }) as const)),
    ),
    generator?.ask('inspect', {}, ask),
    archiver?.ask('inspect', {}, ask),
  ]);
  return { sessions: ofSessions, edges: ofEdges, generator: ofGenerator ?? null, archiver: ofArchiver ?? null };
}
