import { onTestFinished } from 'vitest';
import { System } from '../../actors/runtime/index.js';
import { silent } from './support.js';

/** A system of actors that is stopped after the test; a programmer error in one of them fails it. */
export async function startSystem(): Promise<System> {
  const fatal: Error[] = [];
  const system = await System.start({ logger: silent, onFatal: (error) => fatal.push(error) });
  onTestFinished(async () => {
    await system.stop();
    if (fatal[0]) throw fatal[0];
  });
  return system;
}
