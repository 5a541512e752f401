import type { Socket } from 'node:net';
import type { ArchiveRequest } from '../../actors/archiver.js';
import { CatchUp } from '../../actors/catch-up.js';
import { Connection } from '../../actors/connection.js';
import { singlesFraming } from '../../actors/groups/single-outlet.js';
import type { DiscardRequest, OpenPublisher, Origin, SessionsRequest } from '../../actors/origin.js';
import { PublishBudget } from '../../actors/publish-window.js';
import type { PublishAnswer, PublisherOwner } from '../../actors/publisher.js';
import { Requests } from '../../actors/requests.js';
import type { ClosedSessions } from '../../actors/server-config.js';
import SessionHandlerActor from '../../actors/session-handler.js';
import type { RollRequest } from '../../actors/session-roller.js';
import type { SubscriptionStart } from '../../actors/subscription.js';
import {
  type ClientMessage,
  decodeServerMessage,
  encodeMessage,
  encodePublishHeader,
  FrameReader,
  FrameType,
  frameType,
  limits,
  ProtocolError,
  type Publish,
  type Rolled,
  type ServerMessage,
  type SessionReport,
  type SessionSummary,
  type SubscribeBody,
} from '../../protocol/index.js';
import { type Page, stretchOf } from '../../storage/index.js';
import { until } from '../support/deadline.js';
import { texts } from '../support/payloads.js';
import { startSystem } from './actor-system.js';
import { CountingSubscription } from './counting-subscription.js';
import { blockOf, sessionOf, silent, socketPair } from './support.js';

/** One that is over when it is stopped. */
export class TestSubscription extends CountingSubscription {
  override stop(): void {
    super.stop();
    if (this.over) return;
    this.over = true;
    this.start.over();
  }
}

/** A source `main` with session S1, messages 1..10, and a publisher that answers when the test says so. */
export class TestOrigin {
  readonly durability = 'disk';
  readonly sources = ['main', 'other'];
  closedSessions: ClosedSessions = 'pull';
  readonly rolls: RollRequest[] = [];
  readonly published: Publish[] = [];
  summaries = [sessionOf()];
  owner: PublisherOwner | undefined;
  closedPublishers = 0;
  read: (log: number, from: number, to: number) => Promise<Page> = async () => ({
    stretches: [stretchOf(blockOf(1, 10))],
    next: 11,
  });

  async findSession(source: string, session: string): Promise<SessionSummary> {
    const found = this.summaries.find((summary) => session === '' || summary.session === session);
    if (found) return found;
    throw new ProtocolError('ERR_UNKNOWN_SESSION', `source ${source} has no session ${session}`);
  }

  async sessions({ source, session, discarded }: SessionsRequest = {}): Promise<SessionSummary[]> {
    if (source !== undefined && session !== undefined) return [await this.findSession(source, session)];
    return discarded ? this.summaries.filter((summary) => summary.discarded) : this.summaries;
  }

  /** Sessions that are known, and not kept. */
  removed: SessionSummary[] = [];

  sessionOfLog(log: number): SessionSummary | undefined {
    return [...this.summaries, ...this.removed].find((summary) => summary.log === log);
  }

  async openPublisher(_login: unknown, owner: PublisherOwner): Promise<OpenPublisher> {
    this.owner = owner;
    return {
      published: 5,
      publish: (publish) => this.published.push(publish),
      close: () => {
        this.closedPublishers += 1;
      },
    };
  }

  archiving: Promise<void> = Promise.resolve();

  async archive({ source, session }: ArchiveRequest): Promise<SessionReport> {
    await this.archiving;
    return { session: { ...(await this.findSession(source, session)), source }, messages: 10, losses: [] };
  }

  async roll(request: RollRequest): Promise<Rolled> {
    this.rolls.push(request);
    return {
      ended: sessionOf({ state: 'ended', reason: request.reason }),
      opened: sessionOf({ session: 'S2', log: 8 }),
    };
  }

  readonly discards: DiscardRequest[] = [];

  async discard(request: DiscardRequest): Promise<SessionSummary> {
    this.discards.push(request);
    const { session, reason } = request;
    return sessionOf({ session, state: 'ended', discarded: true, discardReason: reason });
  }

  async inspect(): Promise<Record<string, unknown>> {
    return { pid: 1 };
  }
}

/** One connection with its requests, the client's end of it, and everything behind it in the hands of the test. */
export class Stage {
  readonly heard: ServerMessage[] = [];
  readonly blocks: Buffer[] = [];
  readonly subscriptions: TestSubscription[];
  readonly #reader = new FrameReader(limits.frameBytesMax);

  private constructor(
    readonly origin: TestOrigin,
    readonly budget: PublishBudget,
    readonly client: Socket,
    subscriptions: TestSubscription[],
  ) {
    this.subscriptions = subscriptions;
    client.on('data', (chunk) => this.#hear(chunk));
  }

  static async start(login?: Partial<ClientMessage & { type: 'LOGIN' }>, budgetBytes = 1_000_000_000): Promise<Stage> {
    const { near, far } = await socketPair();
    const origin = new TestOrigin();
    const system = await startSystem();
    const sessionHandler = await system.spawn(
      { actor: SessionHandlerActor },
      { name: 'SessionHandler', parameters: { origin: origin as unknown as Origin, server: 'test/1' } },
    );
    const budget = new PublishBudget(budgetBytes);
    const subscriptions: TestSubscription[] = [];
    const subscribe = async (start: SubscriptionStart) => {
      subscriptions.push(new TestSubscription(start));
      return subscriptions[subscriptions.length - 1]!;
    };
    const connection = new Connection(near, {
      now: () => 0,
      logger: silent,
      defer: (work) => setImmediate(work),
      catchUp: new CatchUp(),
    });
    const context = {
      origin: origin as unknown as Origin,
      sessionHandler,
      budget,
      singles: singlesFraming(),
      subscribe,
      defer: (work: () => void) => void setImmediate(work),
      loggingIn() {},
      gone() {},
    };
    connection.listen(new Requests(connection, context));
    near.resume();
    const stage = new Stage(origin, budget, far, subscriptions);
    if (login) {
      stage.say({ type: 'LOGIN', versions: [1], ...login });
      await stage.hears('LOGGED_IN');
    }
    return stage;
  }

  #hear(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.take(); frame; frame = this.#reader.take()) {
      if (frameType(frame) === FrameType.RETRANSMISSION) this.blocks.push(frame);
      else this.heard.push(decodeServerMessage(frame));
    }
  }

  say(...messages: ClientMessage[]): void {
    this.client.write(Buffer.concat(messages.map(encodeMessage)));
  }

  publish(...numbers: number[]): void {
    for (const number of numbers) this.publishPayloads(number, texts('x'));
  }

  publishPayloads(number: number, payloads = texts('x')): void {
    this.client.write(Buffer.concat([encodePublishHeader(number, '', payloads), payloads.bytes]));
  }

  subscribe(request: number, more: Omit<SubscribeBody, 'request'> = {}): void {
    this.say({ type: 'SUBSCRIBE', request, ...more });
  }

  answer(answer: Partial<PublishAnswer>): void {
    const facts = {
      source: 'main',
      session: 'S1',
      epoch: 'e',
      durability: 'disk',
      runs: [],
      message: '',
      remedy: 'retry',
    };
    this.origin.owner!.answer({ ...facts, code: 'ERR_NOT_WRITTEN', ...answer } as PublishAnswer);
  }

  async hears<T extends ServerMessage['type']>(type: T, count = 1): Promise<ServerMessage & { type: T }> {
    const fitting = () => this.heard.filter((message) => message.type === type);
    await until(() => fitting().length >= count, `${type} at the client, heard ${JSON.stringify(this.heard)}`);
    return fitting()[count - 1] as ServerMessage & { type: T };
  }

  get publishedNumbers(): number[] {
    return this.origin.published.map(({ number }) => number);
  }
}
