import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Placement, PlacementError } from '../../../actors/runtime/index.js';

const inMemory = { mode: 'in-memory', clusterSize: 1 };

function parse(value: unknown): Placement {
  return Placement.parse(JSON.stringify(value), 'actors.json');
}

describe('Placement.parse', () => {
  it('takes an empty placement as everything in memory', () => {
    expect(parse({}).of('Edge')).toEqual(inMemory);
    expect(parse({ Edge: {}, Server: { mode: 'in-memory', clusterSize: 1 } }).of('Server')).toEqual(inMemory);
  });

  it('places edges in several processes', () => {
    const placement = parse({ Edge: { mode: 'forked', clusterSize: 2 } });
    expect(placement.of('Edge')).toEqual({ mode: 'forked', clusterSize: 2 });
    expect(placement.of('RewindHost')).toEqual(inMemory);
  });

  it('places the rewinds in one process of their own, named with a small letter too', () => {
    expect(parse({ rewindHost: { mode: 'forked' } }).of('RewindHost')).toEqual({ mode: 'forked', clusterSize: 1 });
  });

  it.each([
    ['a misspelt actor', { Edeg: { mode: 'forked' } }, "unknown actor 'Edeg'; did you mean 'Edge'?"],
    ['a misspelt long actor', { rewindhots: {} }, "unknown actor 'rewindhots'; did you mean 'RewindHost'?"],
    [
      'an unknown actor',
      { Frobnicator: {} },
      "unknown actor 'Frobnicator'; known are Server, Session, SessionRoller, Generator,",
    ],
    ['an inherited name', { constructor: {} }, "unknown actor 'constructor'"],
    ['an actor placed twice', { Edge: {}, edge: {} }, "Edge is placed twice, as 'Edge' and as 'edge'"],
    [
      'a misspelt option',
      { Edge: { clustersize: 2 } },
      "Edge: unknown option 'clustersize'; did you mean 'clusterSize'?",
    ],
    ['onCrash', { Edge: { onCrash: 'respawn' } }, "Edge: option 'onCrash' is not supported: the server restarts"],
    [
      'cluster',
      { Edge: { cluster: 'alpha' } },
      "Edge: option 'cluster' is not supported: no actor runs on another host",
    ],
    ['host', { Edge: { mode: 'remote', host: '10.0.0.1' } }, "Edge: option 'host' is not supported"],
    ['remote', { Edge: { mode: 'remote' } }, "Edge: mode must be 'in-memory' or 'forked', found \"remote\""],
    ['threaded', { Edge: { mode: 'threaded' } }, "Edge: mode must be 'in-memory' or 'forked', found \"threaded\""],
    ['a forked Session', { Session: { mode: 'forked' } }, 'Session: cannot be forked, it runs in-memory only'],
    ['a forked Rewind', { rewind: { mode: 'forked' } }, 'Rewind: cannot be forked'],
    [
      'no edges',
      { Edge: { mode: 'forked', clusterSize: 0 } },
      'Edge: clusterSize must be a whole number from 1 to 16, found 0',
    ],
    ['too many edges', { Edge: { mode: 'forked', clusterSize: 17 } }, 'found 17'],
    ['half an edge', { Edge: { mode: 'forked', clusterSize: 1.5 } }, 'found 1.5'],
    ['edges in words', { Edge: { mode: 'forked', clusterSize: '2' } }, 'found "2"'],
    ['two in-memory edges', { Edge: { clusterSize: 2 } }, 'Edge: clusterSize must be 1 when it is in-memory, found 2'],
    ['two rewind hosts', { RewindHost: { mode: 'forked', clusterSize: 2 } }, 'clusterSize must be 1 when it is forked'],
    [
      'both forked',
      { Edge: { mode: 'forked' }, RewindHost: { mode: 'forked' } },
      'Edge and RewindHost are both forked',
    ],
    ['no object for an actor', { Edge: 'forked' }, 'Edge: expected an object with mode, found "forked"'],
    ['an array', [], 'expected an object of actors, found an array'],
    ['null', null, 'expected an object of actors, found null'],
  ])('refuses %s with one clear line', (_, value, message) => {
    expect(() => parse(value)).toThrow(PlacementError);
    try {
      parse(value);
    } catch (error) {
      expect((error as Error).message).toContain(message);
      expect((error as Error).message).not.toContain('\n');
      expect(error).toMatchObject({ code: 'ERR_PLACEMENT' });
    }
  });

  it('refuses what is not JSON with one clear line', () => {
    expect(() => Placement.parse('{\n "Edge": {,}\n}', 'my.json')).toThrow(/^my\.json: not valid JSON: [^\n]+$/);
  });
});

describe('Placement.load', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'latecomer-placement-'));
  });

  afterAll(() => rm(directory, { recursive: true }));

  it('reads a file', async () => {
    const file = join(directory, 'edges.json');
    await writeFile(file, '{ "Edge": { "mode": "forked", "clusterSize": 3 } }');
    expect((await Placement.load(file, { named: true })).of('Edge').clusterSize).toBe(3);
  });

  it('takes a missing file as everything in memory, unless somebody named it', async () => {
    const file = join(directory, 'missing.json');
    expect((await Placement.load(file, { named: false })).of('Edge')).toEqual(inMemory);
    await expect(Placement.load(file, { named: true })).rejects.toThrow(`${file}: there is no such file`);
  });

  it('refuses a file it cannot read, named or not', async () => {
    await expect(Placement.load(directory, { named: false })).rejects.toMatchObject({ code: 'ERR_PLACEMENT' });
  });
});
