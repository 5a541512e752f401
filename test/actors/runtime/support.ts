import { type Logger, pino } from 'pino';
import { afterEach } from 'vitest';
import {
  Actor,
  type Definition,
  type Ref,
  type Spawner,
  System,
  type SystemOptions,
} from '../../../actors/runtime/index.js';

/** The protocol of fixtures/worker.js. */
export type WorkerProtocol = {
  echo: [{ text: unknown }, { text: unknown; pid: number }];
  fail: [object, { never: true }];
  note: [{ n: number }, void];
  noted: [object, { seen: number[] }];
  never: [object, { never: true }];
  throwInTell: [object, void];
  rejectUnhandled: [object, { never: true }];
  exit: [{ code: number }, void];
  log: [{ text: string }, void];
  block: [object, void];
  family: [object, { name: string; pid: number }];
  circular: [object, { never: true }];
  forkAgain: [object, void];
  listeners: [object, { SIGTERM: number; SIGINT: number }];
};

interface WorkerParameters {
  start?: 'throw' | 'exit' | 'hang';
  stop?: 'hang';
}

/** Stands for the class in fixtures/worker.js, which only the fork loads. */
abstract class Worker extends Actor<WorkerParameters, WorkerProtocol> {}

const worker = {
  actor: Worker as unknown as Definition<WorkerParameters, WorkerProtocol>['actor'],
  module: new URL('./fixtures/worker.js', import.meta.url),
};

/** Fork a worker. */
export function forkWorker(spawner: Spawner, parameters: WorkerParameters = {}, name = 'Worker') {
  return spawner.spawn(worker, { name, parameters, mode: 'forked' });
}

/** A forked worker. */
export type WorkerRef = Ref<WorkerProtocol>;

/** Values that can be awaited one after the other. */
export function queue<Value>(): { add(value: Value): void; next(): Promise<Value> } {
  const values: Value[] = [];
  const waiting: ((value: Value) => void)[] = [];
  return {
    add: (value) => {
      const take = waiting.shift();
      if (take) take(value);
      else values.push(value);
    },
    next: () => (values.length > 0 ? Promise.resolve(values.shift()!) : new Promise((take) => waiting.push(take))),
  };
}

export const timeoutMs = 20_000;

const systems: System[] = [];

/** A system that is stopped after the test; programmer errors are handed to `onFatal`, which throws by default. */
export async function startSystem(options: Partial<SystemOptions> = {}): Promise<System> {
  const onFatal: SystemOptions['onFatal'] = (error) => {
    throw error;
  };
  const system = await System.start({ logger: pino({ level: 'silent' }), onFatal, ...options });
  systems.push(system);
  return system;
}

afterEach(async () => {
  await Promise.all(systems.splice(0).map((system) => system.stop()));
});

/** A logger whose lines can be awaited. */
export function recordedLogger(level = 'trace'): {
  logger: Logger;
  lines: LogLine[];
  line(message: RegExp): Promise<LogLine>;
} {
  const lines: LogLine[] = [];
  const waiting: (() => void)[] = [];
  const write = (text: string): void => {
    lines.push(JSON.parse(text) as LogLine);
    for (const check of [...waiting]) check();
  };
  const line = (message: RegExp): Promise<LogLine> =>
    new Promise((resolve) => {
      const check = (): void => {
        const found = lines.find(({ msg }) => message.test(msg));
        if (found) resolve(found);
      };
      waiting.push(check);
      check();
    });
  return { logger: pino({ level }, { write }), lines, line };
}

/** A line of a log. */
export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
