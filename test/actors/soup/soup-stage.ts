import { once } from 'node:events';
import type { Socket } from 'node:net';
import { CatchUp } from '../../../actors/catch-up.js';
import { Framing } from '../../../actors/framing.js';
import { SoupClient, type SoupClientContext } from '../../../actors/soup/soup-client.js';
import { SoupConnection } from '../../../actors/soup/soup-connection.js';
import type { AcceptedLogin } from '../../../actors/soup/soup-login.js';
import type { UnsequencedInput } from '../../../actors/soup/unsequenced-input.js';
import type { Dialect, SoupLogin } from '../../../protocol/soup/index.js';
import { until } from '../../support/deadline.js';
import { LogLines } from '../../support/log-lines.js';
import { CountingSubscription } from '../counting-subscription.js';
import { sessionOf, socketPair } from '../support.js';

/** What a stage is set up with. */
export interface SoupStageOptions {
  /** What becomes of a login. @defaultValue session S1 at the number asked for */
  decide?: (login: SoupLogin) => Promise<AcceptedLogin>;
  unsequenced?: UnsequencedInput;
  /** Whether the client reads what it is sent. @defaultValue true */
  reading?: boolean;
}

/** A gateway's client, the far end of its connection, and a clock of its own. */
export class SoupStage {
  readonly logins: SoupLogin[] = [];
  readonly subscriptions: CountingSubscription[] = [];
  /** All that the far end has received, as latin1. */
  heard = '';
  ended = false;
  arrivals = 0;
  departures = 0;

  private constructor(
    readonly client: SoupClient,
    readonly far: Socket,
    readonly log: LogLines,
    readonly clock: { nowMs: number },
  ) {}

  static async start({ decide, unsequenced, reading = true }: SoupStageOptions = {}): Promise<SoupStage> {
    const { near, far } = await socketPair();
    let stage!: SoupStage;
    const clock = { nowMs: 1_000 };
    const now = () => clock.nowMs;
    const log = new LogLines();
    const { logger } = log;
    const framings = new Map<Dialect, Framing>();
    const context: SoupClientContext = {
      now,
      logger,
      decide: (login) => {
        stage.logins.push(login);
        return decide ? decide(login) : Promise.resolve({ session: sessionOf(), next: login.sequence, pull: false });
      },
      subscribe: async (start) => {
        const subscription = new CountingSubscription(start);
        stage.subscriptions.push(subscription);
        return subscription;
      },
      framingOf: (dialect) => {
        const framing = framings.get(dialect) ?? new Framing(dialect);
        framings.set(dialect, framing);
        return framing;
      },
      unsequenced,
      loggingIn: () => {
        stage.arrivals += 1;
      },
      gone: () => {
        stage.departures += 1;
      },
    };
    const connection = new SoupConnection(near, {
      now,
      logger,
      defer: (work) => setImmediate(work),
      catchUp: new CatchUp(),
    });
    const client = new SoupClient(connection, context);
    stage = new SoupStage(client, far, log, clock);
    connection.listen(client);
    far.on('end', () => {
      stage.ended = true;
    });
    if (reading)
      far.on('data', (chunk) => {
        stage.heard += chunk.toString('latin1');
      });
    return stage;
  }

  say(bytes: Buffer | string): void {
    this.far.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Log in and wait for the answer, which is taken. */
  async loggedIn(bytes: Buffer | string): Promise<CountingSubscription> {
    this.say(bytes);
    await until(() => this.subscriptions.length > 0 && this.heard !== '', 'the login to be accepted');
    this.heard = '';
    return this.subscriptions[0]!;
  }

  /** Wait until what was received holds this. */
  async hears(text: string): Promise<void> {
    await until(() => this.heard.includes(text), `${JSON.stringify(text)} at the client`);
  }

  /** All that was received, when the server has closed behind it. */
  async heardToTheEnd(): Promise<string> {
    await until(() => this.ended, 'the end of the connection');
    return this.heard;
  }

  /** Let time pass, and have the client look at it. */
  pass(ms: number): void {
    this.clock.nowMs += ms;
    this.client.tick();
  }

  /** The far end closes, and the gateway hears of it. */
  async leave(): Promise<void> {
    this.far.destroy();
    await once(this.far, 'close');
    await until(() => this.departures > 0, 'the departure');
  }
}
