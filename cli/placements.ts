import path from 'node:path';
import { packageRoot } from '../actors/package-root.js';

/** Placements that come with the package, by the name `--actors` takes. */
export const readyMadePlacements: ReadonlyMap<string, string> = new Map(
  ['edges', 'rewinds'].map((name) => [name, path.join(packageRoot, 'actors', 'placements', `${name}.json`)]),
);
