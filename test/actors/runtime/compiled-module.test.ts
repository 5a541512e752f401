import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compiledModule } from '../../../actors/runtime/compiled-module.js';

const root = new URL('../../../', import.meta.url);

describe('compiledModule', () => {
  it('takes a module that exists as it is', () => {
    expect(compiledModule(new URL(import.meta.url))).toBe(fileURLToPath(import.meta.url));
  });

  it('finds the compiled form of a module that exists only as source', () => {
    const compiled = fileURLToPath(new URL('dist/actors/runtime/fork-host.js', root));
    expect(compiledModule(new URL('actors/runtime/fork-host.js', root))).toBe(compiled);
  });

  it.each(['actors/absent.js', '../absent.js'])('refuses %s, which exists in no form', (path) => {
    expect(() => compiledModule(new URL(path, root))).toThrow('no compiled module');
  });
});
