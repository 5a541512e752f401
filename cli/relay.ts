import { setTimeout as wait } from 'node:timers/promises';
import type { RelayInputConfig } from '../actors/inputs/input-config.js';
import type { InputBatch, InputContext, SessionInputSource } from '../actors/inputs/input-source.js';
import type { OpenRelay } from '../actors/inputs/inputs.js';
import { type Client, connect, LatecomerError, type SessionSummary } from '../client/index.js';
import { Outages } from './outages.js';
import { RelayedBlocks } from './relayed-blocks.js';

/** Where in which session of the other server. */
export type RelayPosition = {
  session: string;
  epoch: string;
  /** The session's number there: later ones have larger numbers. */
  log: number;
  /** The number that comes next. */
  next: number;
  /** All of it is here, or never will be. */
  over: boolean;
};

type Batches = AsyncGenerator<InputBatch<RelayPosition>, void, undefined>;

/** Waits between two attempts to connect, and between two looks at the other server's sessions. */
const connectAgain = { firstMs: 100, maxMs: 5_000 };
const lookMs = 500;
/** Codes that say that a session cannot be relayed any further. */
const sessionIsGone = new Set(['ERR_RESET', 'ERR_UNKNOWN_SESSION']);

/**
 * Another server as an input: its sessions one after the other under their names, each message under its number. It
 * begins with the session that is the newest one then.
 */
export class Relay implements SessionInputSource<RelayPosition> {
  readonly #config: RelayInputConfig;

  constructor(config: RelayInputConfig) {
    this.#config = config;
  }

  async *read(position: RelayPosition | undefined, context: InputContext): Batches {
    const client = await this.#connect(context);
    const close = (): void => void client.close();
    context.signal.addEventListener('abort', close);
    try {
      let at = position ?? startOf(await this.#await(client, context, newest));
      for (;;) {
        if (!at.over) yield* this.#session(client, at, context);
        const over = at;
        at = startOf(await this.#await(client, context, (sessions) => behind(over, sessions)));
      }
    } finally {
      context.signal.removeEventListener('abort', close);
      await client.close();
    }
  }

  /** The rest of a session, up to its end. */
  async *#session(client: Client, start: RelayPosition, { logger, name: input }: InputContext): Batches {
    const { session, next: from, epoch } = start;
    const { upstreamSource } = this.#config;
    const source = upstreamSource === undefined ? {} : { source: upstreamSource };
    // The session is there before its first message.
    if (from === 1) yield { payloads: [], session, firstSeq: from, position: start };
    const subscription = client.subscribe({ ...source, session, from, epoch, wait: true });
    let next = from;
    let end: { lastSeq: number; reason: string } | undefined;
    subscription.on('lost', (lost) => logger.warn({ input, ...lost }, 'the server that is relayed has lost messages'));
    subscription.on('ended', ({ lastSeq, reason }) => {
      end = { lastSeq, reason };
    });
    try {
      for await (const { firstSeq, payloads } of new RelayedBlocks(subscription.blocks())) {
        next = firstSeq + payloads.length;
        yield { payloads, session, firstSeq, position: { ...start, next } };
      }
    } catch (error) {
      const { code, message } = error as LatecomerError;
      if (!sessionIsGone.has(code)) throw error;
      logger.error({ input, session, next, error: message }, 'the session that is relayed is gone: it ends here');
      end = { lastSeq: next - 1, reason: `gone at the server it is relayed from: ${message}` };
    }
    if (!end) throw new Error(`the relay of session ${session} was closed`);
    next = Math.max(next, end.lastSeq + 1);
    yield { payloads: [], session, firstSeq: next, position: { ...start, next, over: true }, endOfDay: end.reason };
  }

  /** A client that stays: a server that is away is waited for. */
  async #connect({ signal, logger, name: input }: InputContext): Promise<Client> {
    const { host, port, upstreamSource } = this.#config;
    const source = upstreamSource === undefined ? {} : { source: upstreamSource };
    for (let waitMs = connectAgain.firstMs; ; waitMs = Math.min(connectAgain.maxMs, waitMs * 2)) {
      try {
        const client = await connect({ host, port, ...source, publisher: false, name: `relay ${input}`, signal });
        const outages = new Outages(client, (text) => logger.warn({ input, host, port }, text));
        client.on('connected', () => outages.over('connected again'));
        // What it is waited for says so too.
        client.on('error', () => {});
        return client;
      } catch (error) {
        if (!(error instanceof LatecomerError) || !(error.code === 'ERR_CONNECT' || error.remedy !== 'never'))
          throw error;
        if (waitMs === connectAgain.firstMs) logger.warn({ input, host, port, error: error.message }, 'relay waits');
      }
      await wait(waitMs, undefined, { signal });
    }
  }

  /** Look at the sessions there until one is found. */
  async #await(
    client: Client,
    { signal }: InputContext,
    find: (sessions: SessionSummary[]) => SessionSummary | undefined,
  ): Promise<SessionSummary> {
    for (;;) {
      const source = this.#config.upstreamSource ?? client.server!.source;
      const found = find(await client.sessions({ source, signal }));
      if (found) return found;
      await wait(lookMs, undefined, { signal });
    }
  }
}

/** Makes inputs of kind relay. */
export const openRelay: OpenRelay = (config) => new Relay(config) as SessionInputSource;

function newest(sessions: SessionSummary[]): SessionSummary | undefined {
  return sessions[sessions.length - 1];
}

/** The session behind one, a restored one in its place; of one that is not kept any more, the next one that is. */
function behind({ session, log }: RelayPosition, sessions: SessionSummary[]): SessionSummary | undefined {
  const place = sessions.findIndex((found) => found.session === session);
  if (place !== -1) return sessions[place + 1];
  return sessions.find((found) => found.log > log && found.restoredMs === undefined);
}

function startOf({ session, epoch, log }: SessionSummary): RelayPosition {
  return { session, epoch, log, next: 1, over: false };
}
