import { once } from 'node:events';
import { expect, it } from 'vitest';
import { Emitter } from '../../client/emitter.js';

class Bell extends Emitter<{ ring: number; error: Error }> {
  ring(times: number): void {
    this.emit('ring', times);
  }

  fail(error: Error): void {
    this.emit('error', error);
  }
}

it('calls listeners until they are taken off', () => {
  const bell = new Bell();
  const heard: number[] = [];
  const listener = (times: number): number => heard.push(times);
  bell.on('ring', listener).ring(1);
  bell.off('ring', listener).ring(2);
  expect(heard).toEqual([1]);
});

it('drops an error event that nobody listens to', () => {
  expect(() => new Bell().fail(new Error('unheard'))).not.toThrow();
});

it('keeps a listener that throws away from the emitter and from other listeners', async () => {
  const bell = new Bell();
  const heard: number[] = [];
  const mistake = new Error('a mistake in a listener');
  bell.on('ring', () => {
    throw mistake;
  });
  bell.on('ring', (times) => heard.push(times));
  const previous = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const uncaught = once(process, 'uncaughtException');
  bell.ring(3);
  expect(heard).toEqual([3]);
  expect((await uncaught)[0]).toBe(mistake);
  for (const listener of previous) process.on('uncaughtException', listener);
});
