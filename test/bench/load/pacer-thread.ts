import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { dialects } from '../dialects/index.js';
import { machineMs } from './clock.js';
import { Line } from './line.js';
import type { PaceTask } from './pacer.js';

speak(workerData as PaceTask);

function speak(task: PaceTask): void {
  const line = new Line(task.port);
  const publisher = dialects[task.dialect].publisher(
    { batch: 1, payloadBytes: task.payloadBytes },
    { ready: () => parentPort!.postMessage('ready'), acknowledged: () => {} },
  );
  line.speak(publisher);
  const publish = (dueMs: number) => line.write(...publisher.publish(stamped(task.payloadBytes, dueMs)));
  parentPort!.once('message', (startMs: number) => pace(task, startMs, publish));
}

async function pace(
  { messages, messagesPerSecond }: PaceTask,
  startMs: number,
  publish: (dueMs: number) => void,
): Promise<void> {
  for (let message = 0; message < messages; message += 1) {
    const dueMs = startMs + (message * 1_000) / messagesPerSecond;
    if (dueMs > machineMs()) {
      await nextTurn();
      sleepUntil(dueMs);
    }
    publish(dueMs);
  }
}

const nobodyWakes = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

function sleepUntil(ms: number): void {
  Atomics.wait(nobodyWakes, 0, 0, Math.max(0, ms - machineMs()));
}

function stamped(payloadBytes: number, ms: number): Buffer {
  const payload = Buffer.alloc(payloadBytes, 'x');
  payload.writeDoubleBE(ms, 0);
  return payload;
}
