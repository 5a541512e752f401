import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';

const workerScript = createRequire(import.meta.url).resolve('comedy/lib/forked-actor-worker.js');

/**
 * Start a process that runs comedy's worker, which waits to be told what to be.
 * @param name shown in lists of processes
 */
export function startWorker(name: string): ChildProcess {
  const worker = fork(workerScript, [name]);
  // It is not there when the system would not start a process; an 'error' event follows.
  if (typeof worker.send === 'function') answerFailedSends(worker);
  return worker;
}

/**
 * Make failures to send arrive where comedy expects them. It never forgets a message whose sending throws (it is not JSON)
 * instead of calling back; and nobody hears of it when the last word to a fork that ends anyway cannot be sent, which
 * would be an unhandled rejection.
 */
function answerFailedSends(worker: ChildProcess): void {
  const send = worker.send.bind(worker) as (...parameters: unknown[]) => boolean;
  worker.send = (message: unknown, ...parameters: unknown[]) => {
    const answer = parameters.pop() as (error: unknown) => void;
    const isLastWord = (message as { type?: string }).type === 'actor-destroyed-ack';
    const sent = isLastWord ? () => answer(null) : answer;
    try {
      return send(message, ...parameters, sent);
    } catch (error) {
      sent(error);
      return false;
    }
  };
}
