import { nearest } from '../actors/runtime/nearest.js';

/** ` (did you mean x?)` to put behind an error about `word`, or nothing when no candidate is near. */
export function suggestion(word: string, candidates: Iterable<string>, prefix = ''): string {
  const meant = nearest(word, [...candidates]);
  return meant === undefined ? '' : ` (did you mean ${prefix}${meant}?)`;
}
