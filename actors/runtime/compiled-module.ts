import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const sourceRoot = new URL('../../', import.meta.url);

/**
 * The compiled form of a module, which is the only form a forked process can load. Code that runs from its sources (under
 * vitest) names `./edge.js` beside a TypeScript file; it is then found in the package's `dist`.
 * @returns absolute path
 * @throws Error when there is none
 */
export function compiledModule(module: URL): string {
  const path = fileURLToPath(module);
  if (existsSync(path)) return path;
  const root = fileURLToPath(sourceRoot);
  const compiled = fileURLToPath(new URL(`dist/${path.slice(root.length)}`, sourceRoot));
  if (path.startsWith(root) && existsSync(compiled)) return compiled;
  throw new Error(`no compiled module for ${path}: neither it nor ${compiled} exists; was it built?`);
}
