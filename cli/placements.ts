import path from 'node:path';
import { packageRoot } from '../actors/package-root.js';

/** Placements that come with the package, by the name `--actors` takes. */
export const readyMadePlacements: Readonly<Record<string, string>> = {
  edges: path.join(packageRoot, 'actors', 'placements', 'edges.json'),
  rewinds: path.join(packageRoot, 'actors', 'placements', 'rewinds.json'),
};
