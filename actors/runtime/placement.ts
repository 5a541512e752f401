import { readFile } from 'node:fs/promises';
import type { Mode } from './actor.js';
import { nearest } from './nearest.js';

interface Rule {
  forkable: boolean;
  /** Most processes it may be spread over when it is forked. */
  clusterSizeMax: number;
}

const inMemoryOnly: Rule = { forkable: false, clusterSizeMax: 1 };

/** The actors a placement may name, and what may be asked of each. */
const rules = {
  Server: inMemoryOnly,
  Session: inMemoryOnly,
  SessionRoller: inMemoryOnly,
  Generator: inMemoryOnly,
  Archiver: inMemoryOnly,
  Group: inMemoryOnly,
  Input: inMemoryOnly,
  HttpInput: inMemoryOnly,
  SessionHandler: inMemoryOnly,
  SubscriptionList: inMemoryOnly,
  Subscription: inMemoryOnly,
  Rewind: inMemoryOnly,
  Edge: { forkable: true, clusterSizeMax: 16 },
  RewindHost: { forkable: true, clusterSizeMax: 1 },
} as const satisfies Record<string, Rule>;

/** Name of an actor that can be placed. */
export type PlacedActor = keyof typeof rules;

const actorNames = Object.keys(rules) as PlacedActor[];
const options = ['mode', 'clusterSize'];

/** What comedy has and this server does not, and why. */
const refusedOptions: Record<string, string> = {
  onCrash: 'the server restarts its processes itself',
  cluster: 'no actor runs on another host',
  host: 'no actor runs on another host',
  port: 'no actor runs on another host',
  balancer: 'the server chooses the process itself',
};

/** A placement that cannot work; the message is one line and names the file. */
export class PlacementError extends Error {
  override readonly name = 'PlacementError';
  readonly code = 'ERR_PLACEMENT';
}

/** Where one actor runs. */
export interface Place {
  mode: Mode;
  /** In how many processes. */
  clusterSize: number;
}

const inMemory: Place = { mode: 'in-memory', clusterSize: 1 };

/** Which actors run in processes of their own: the contents of an `actors.json`, in comedy's format. */
export class Placement {
  readonly #places: ReadonlyMap<PlacedActor, Place>;

  private constructor(places: ReadonlyMap<PlacedActor, Place>) {
    this.#places = places;
  }

  /** Everything in one process. */
  static inMemory(): Placement {
    return new Placement(new Map());
  }

  /**
   * Read a placement file.
   * @param file its path
   * @param named whether somebody asked for this very file; if not, a missing one means everything in one process
   * @throws PlacementError `ERR_PLACEMENT`
   */
  static async load(file: string, { named }: { named: boolean }): Promise<Placement> {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && !named) return Placement.inMemory();
      const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
      throw new PlacementError(`${file}: ${why}`, { cause: error });
    }
    return Placement.parse(text, file);
  }

  /**
   * Check a placement.
   * @param text JSON such as `{ "Edge": { "mode": "forked", "clusterSize": 2 } }`
   * @param file where it comes from, for messages
   * @throws PlacementError `ERR_PLACEMENT` with the first thing that is wrong
   */
  static parse(text: string, file: string): Placement {
    const fail = (why: string): never => {
      throw new PlacementError(`${file}: ${why}`);
    };
    const places = new Map<PlacedActor, Place>();
    for (const [key, entry] of Object.entries(parseObject(text, fail))) {
      const actor = actorNamed(key, fail);
      if (places.has(actor)) fail(`${actor} is placed twice, as '${actor}' and as '${decapitalised(actor)}'`);
      places.set(actor, placeOf(actor, entry, fail));
    }
    if (places.get('Edge')?.mode === 'forked' && places.get('RewindHost')?.mode === 'forked') {
      fail('Edge and RewindHost are both forked; fork one of them');
    }
    return new Placement(places);
  }

  /** Where an actor runs; in memory unless the placement says otherwise. */
  of(actor: PlacedActor): Place {
    return this.#places.get(actor) ?? inMemory;
  }
}

type Fail = (why: string) => never;

function parseObject(text: string, fail: Fail): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(`not valid JSON: ${(error as Error).message.replaceAll(/\s+/g, ' ')}`);
  }
  return isObject(value) ? value : fail(`expected an object of actors, found ${described(value)}`);
}

function actorNamed(key: string, fail: Fail): PlacedActor {
  const actor = actorNames.find((name) => name === key || decapitalised(name) === key);
  return actor ?? fail(`unknown actor '${key}'${suggestion(key, actorNames)}`);
}

function placeOf(actor: PlacedActor, entry: unknown, fail: Fail): Place {
  if (!isObject(entry)) return fail(`${actor}: expected an object with mode, found ${described(entry)}`);
  const { mode = 'in-memory', clusterSize = 1, ...others } = entry as { mode?: unknown; clusterSize?: unknown };
  const other = Object.keys(others)[0];
  if (other !== undefined) return fail(`${actor}: ${refusal(other)}`);
  if (mode !== 'in-memory' && mode !== 'forked') {
    return fail(`${actor}: mode must be 'in-memory' or 'forked', found ${described(mode)}`);
  }
  const rule: Rule = rules[actor];
  if (mode === 'forked' && !rule.forkable) return fail(`${actor}: cannot be forked, it runs in-memory only`);
  const sizeMax = mode === 'forked' ? rule.clusterSizeMax : 1;
  if (typeof clusterSize !== 'number' || !Number.isInteger(clusterSize) || clusterSize < 1 || clusterSize > sizeMax) {
    const expected = sizeMax === 1 ? `1 when it is ${mode}` : `a whole number from 1 to ${sizeMax}`;
    return fail(`${actor}: clusterSize must be ${expected}, found ${described(clusterSize)}`);
  }
  return { mode, clusterSize };
}

function refusal(option: string): string {
  const why = refusedOptions[option];
  return why
    ? `option '${option}' is not supported: ${why}`
    : `unknown option '${option}'${suggestion(option, options)}`;
}

function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near ? `; did you mean '${near}'?` : `; known are ${known.join(', ')}`;
}

function decapitalised(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function described(value: unknown): string {
  return Array.isArray(value) ? 'an array' : (JSON.stringify(value)?.slice(0, 60) ?? String(value));
}
