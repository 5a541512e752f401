import { setTimeout as wait } from 'node:timers/promises';
import type { RelayInputConfig } from '../actors/inputs/input-config.js';
import type { InputBatch, InputContext, SessionInputSource } from '../actors/inputs/input-source.js';
import type { OpenRelay } from '../actors/inputs/inputs.js';
import { type Client, connect, LatecomerError, type Position, type SessionSummary } from '../client/index.js';
import { Outages } from './outages.js';
import { RelayedBlocks } from './relayed-blocks.js';
import { RelayedDiscards } from './relayed-discards.js';

/** Where in which session of the other server. */
export type RelayPosition = {
  session: string;
  epoch: string;
  /** The number that comes next. */
  next: number;
  /** All of it is here, or never will be. */
  over: boolean;
};

type Batches = AsyncGenerator<InputBatch<RelayPosition>, void, undefined>;

/** Waits between two attempts to connect, and between two looks for a session that is not there yet. */
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
    const discards = new RelayedDiscards(client, () => this.#sourceOf(client), context);
    const stop = new AbortController();
    const close = (): void => {
      stop.abort();
      void client.close();
    };
    context.signal.addEventListener('abort', close);
    try {
      // A session whose end is still to come here is marked by it.
      await discards.look(stop.signal);
      void discards.watch(stop.signal);
      let at = position ?? (await this.#await(context, () => this.#listed(client, context, newest)));
      for (;;) {
        if (!at.over) at = yield* this.#session(client, at, discards, context);
        const over = at;
        at = await this.#await(context, () => this.#behind(client, over, context));
      }
    } finally {
      context.signal.removeEventListener('abort', close);
      stop.abort();
      await client.close();
    }
  }

  /** The rest of a session, up to its end. @returns the position there */
  async *#session(
    client: Client,
    start: RelayPosition,
    discards: RelayedDiscards,
    { logger, name: input }: InputContext,
  ): AsyncGenerator<InputBatch<RelayPosition>, RelayPosition, undefined> {
    const { session, next: from, epoch } = start;
    // The session is there before its first message.
    if (from === 1) yield { payloads: [], session, epoch, firstSeq: from, position: start };
    const subscription = client.subscribe({ ...this.#source, session, from, epoch, wait: true });
    let next = from;
    let end: { lastSeq: number; reason: string; discardReason?: string } | undefined;
    subscription.on('lost', (lost) => logger.warn({ input, ...lost }, 'the server that is relayed has lost messages'));
    subscription.on('discarded', ({ reason }) => void discards.mark({ session, epoch }, reason));
    subscription.on('ended', (ended) => {
      end = ended;
    });
    try {
      for await (const { firstSeq, payloads } of new RelayedBlocks(subscription.blocks())) {
        next = firstSeq + payloads.length;
        yield { payloads, session, epoch, firstSeq, position: { ...start, next } };
      }
    } catch (error) {
      const { code, message } = error as LatecomerError;
      if (!sessionIsGone.has(code)) throw error;
      logger.error({ input, session, next, error: message }, 'the session that is relayed is gone: it ends here');
      end = { lastSeq: next - 1, reason: `gone at the server it is relayed from: ${message}` };
    }
    if (!end) throw new Error(`the relay of session ${session} was closed`);
    if (end.discardReason !== undefined) await discards.mark({ session, epoch }, end.discardReason);
    next = Math.max(next, end.lastSeq + 1);
    const over = { ...start, next, over: true };
    yield { payloads: [], session, epoch, firstSeq: next, position: over, endOfDay: end.reason };
    return over;
  }

  /**
   * The session behind one that is over, as the other server goes on: one that it has removed since is not passed over,
   * for what was in it is lost here too. `undefined` while there is none.
   */
  async #behind(client: Client, over: RelayPosition, context: InputContext): Promise<RelayPosition | undefined> {
    const { session, epoch, next: from } = over;
    try {
      return await this.#followed(client, { session, epoch, from });
    } catch (error) {
      const { code, message, facts } = error as LatecomerError;
      if (code === 'ERR_RESET') {
        // Restored, or another one of that name: what is behind it is behind the one that was relayed.
        const { epoch, lastSeq } = facts as { epoch: string; lastSeq: number };
        return await this.#followed(client, { session, epoch, from: lastSeq + 1 });
      }
      if (code !== 'ERR_UNKNOWN_SESSION') throw error;
      context.logger.error({ input: context.name, session, error: message }, 'sessions may be missing behind this one');
      return await this.#listed(client, context, oldest);
    }
  }

  /** Resume a session and let the server go on with the one behind it. @returns the start of that one */
  async #followed(client: Client, position: Position): Promise<RelayPosition | undefined> {
    const subscription = client.subscribe({ ...this.#source, ...position, follow: true });
    let found: RelayPosition | undefined;
    subscription.on('subscribed', (start) => {
      if (start.session === position.session) return;
      found = startOf(start);
      subscription.close();
    });
    // Of a session that is gone here and active there nothing is wanted but its end.
    for await (const _ of subscription.blocks());
    return found;
  }

  /** A client that stays: a server that is away is waited for. */
  async #connect({ signal, logger, name: input }: InputContext): Promise<Client> {
    const { host, port } = this.#config;
    for (let waitMs = connectAgain.firstMs; ; waitMs = Math.min(connectAgain.maxMs, waitMs * 2)) {
      try {
        const client = await connect({ host, port, ...this.#source, publisher: false, name: `relay ${input}`, signal });
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

  /** Look until there is a session. */
  async #await({ signal }: InputContext, look: () => Promise<RelayPosition | undefined>): Promise<RelayPosition> {
    for (;;) {
      const found = await look();
      if (found) return found;
      await wait(lookMs, undefined, { signal });
    }
  }

  /** The start of a session that is kept there. */
  async #listed(
    client: Client,
    { signal }: InputContext,
    find: (sessions: SessionSummary[]) => SessionSummary | undefined,
  ): Promise<RelayPosition | undefined> {
    const found = find(await client.sessions({ source: this.#sourceOf(client), signal }));
    return found && startOf(found);
  }

  /** What the source that is relayed is called there. */
  #sourceOf(client: Client): string {
    return this.#config.upstreamSource ?? client.server!.source;
  }

  /** The source there; that server's first one unless it is named. */
  get #source(): { source?: string } {
    const { upstreamSource } = this.#config;
    return upstreamSource === undefined ? {} : { source: upstreamSource };
  }
}

/** Makes inputs of kind relay. */
export const openRelay: OpenRelay = (config) => new Relay(config) as SessionInputSource;

function newest(sessions: SessionSummary[]): SessionSummary | undefined {
  return sessions[sessions.length - 1];
}

/** A restored one may be older than what was relayed. */
function oldest(sessions: SessionSummary[]): SessionSummary | undefined {
  return sessions.find(({ restoredMs }) => restoredMs === undefined);
}

function startOf({ session, epoch }: { session: string; epoch: string }): RelayPosition {
  return { session, epoch, next: 1, over: false };
}
