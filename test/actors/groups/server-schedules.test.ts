import { expect, it, onTestFinished } from 'vitest';
import { Participant } from '../../support/participant.js';
import { Random } from '../../support/random.js';
import { isAway } from './members.js';
import { Reference } from './reference.js';
import { type GroupServer, serverWithGroup } from './server.js';

const schedules = 12;
const stepsEach = 60;
const ids = ['ada', 'ben', 'eve'];
const kinds = [
  'register',
  'deregister',
  'disconnect',
  'reconnect',
  'reconnect',
  'break',
  'send',
  'send',
  'send',
  'wait',
  'wait',
  'restart',
] as const;
const tdMs = 20;

/** One server, its participants, and the reference of what they are to receive. */
class Run {
  readonly #random: Random;
  readonly #reference = new Reference(tdMs);
  readonly #participants = new Map<string, Participant>();
  #nowMs = 1_000_000;
  #sent = 0;
  #server!: GroupServer;

  constructor(random: Random) {
    this.#random = random;
  }

  async start(data?: string): Promise<void> {
    const clock = () => this.#nowMs;
    // A ring of one block, so that who comes back is served from the log.
    const store = { ringBytesMax: 1 };
    this.#server = await serverWithGroup({ clock, store, group: { tdMs }, ...(data !== undefined && { data }) });
    for (const id of ids) {
      const participant = this.#participants.get(id) ?? new Participant(this.#server.port, id);
      participant.port = this.#server.port;
      this.#participants.set(id, participant);
    }
  }

  /** @returns what was done, for people */
  async step(): Promise<string> {
    const kind = this.#random.pick(kinds);
    const able = ids.filter((id) => this.#may(kind, id));
    if (able.length === 0) return `${kind} of nobody`;
    const id = this.#random.pick(able);
    await this.#perform(kind, id);
    await this.#settled();
    return `${this.#nowMs} ${kind} ${id}`;
  }

  /** Everybody comes back, and has received what the reference says. */
  async end(): Promise<void> {
    for (const id of ids) if (this.#reference.state(id) === 'away') await this.#perform('reconnect', id);
    await this.#settled();
    await this.#server.stop();
  }

  #may(kind: (typeof kinds)[number], id: string): boolean {
    const state = this.#reference.state(id);
    if (kind === 'register') return state === 'unknown';
    if (kind === 'reconnect') return state === 'away';
    if (kind === 'deregister') return state !== 'unknown';
    return kind === 'wait' || kind === 'restart' || state === 'online';
  }

  async #perform(kind: (typeof kinds)[number], id: string): Promise<void> {
    const participant = this.#participants.get(id)!;
    switch (kind) {
      case 'register': {
        const own = this.#random.integer(0, 30);
        await participant.does('register', { tdMs: own });
        return this.#reference.register(id, own, this.#nowMs);
      }
      case 'deregister':
        await participant.does('deregister');
        return this.#reference.deregister(id);
      case 'disconnect':
        await participant.does('disconnect');
        return this.#reference.disconnect(id, this.#nowMs);
      case 'reconnect':
        this.#reference.reconnect(id, this.#nowMs);
        await participant.returns();
        return;
      case 'break':
        participant.break();
        this.#reference.broke(id, this.#nowMs);
        return isAway(this.#server, id);
      case 'send': {
        const messages = Array.from({ length: this.#random.integer(1, 3) }, () => String(++this.#sent));
        for (const _ of messages) this.#reference.send(this.#nowMs);
        expect(await participant.msend(...messages)).toMatchObject({ type: 'ACKNOWLEDGED' });
        return;
      }
      case 'wait':
        this.#nowMs += this.#random.integer(0, 12);
        return;
      case 'restart':
        await this.#server.stop();
        for (const one of ids) {
          this.#participants.get(one)!.break();
          if (this.#reference.state(one) === 'online') this.#reference.disconnect(one, this.#nowMs);
        }
        return this.start(this.#server.data);
    }
  }

  /** Who is there receives what it is to receive, and acknowledges it now and then. */
  async #settled(): Promise<void> {
    for (const id of ids) {
      const { received } = this.#participants.get(id)!;
      if (this.#reference.state(id) !== 'online') continue;
      this.#reference.take(id, Number.MAX_SAFE_INTEGER);
      const expired = this.#reference.expired.get(id) ?? [];
      const taken = this.#reference.received.get(id) ?? [];
      await received.reached(expired.length + taken.length);
      expect(received.seqs('expired')).toEqual(expired);
      expect(received.seqs('received')).toEqual(taken);
      if (taken.length > 0 && this.#random.chance(0.5)) this.#participants.get(id)!.delivered();
    }
  }
}

it('participants of a server receive exactly what the reference says, in random schedules of commands, breaks and restarts', {
  timeout: 240_000,
}, async () => {
  const random = new Random();
  console.log(`schedules through a server: SEED=${random.seed}`);
  const trace: string[] = [];
  onTestFinished(({ task }) => {
    if (task.result?.state === 'fail') console.log(trace.join('\n'));
  });
  for (let schedule = 0; schedule < schedules; schedule += 1) {
    const run = new Run(random);
    trace.length = 0;
    await run.start();
    for (let step = 0; step < stepsEach; step += 1) trace.push(await run.step());
    await run.end();
  }
});
