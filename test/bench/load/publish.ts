import type { DialectName } from '../dialects/dialect.js';
import { dialects } from '../dialects/index.js';
import { machineMs } from './clock.js';
import { Line } from './line.js';

/** What a group of publishers is to do. */
export interface PublishTask {
  dialect: DialectName;
  port: number;
  publishers: number;
  /** Publishes of each of them. */
  publishes: number;
  /** Messages of one publish. */
  batch: number;
  payloadBytes: number;
  /** Publishes of each that may be unacknowledged. */
  inFlight: number;
}

/** What it took. */
export interface PublishReport {
  messages: number;
  startedMs: number;
  /** When the last publish of all was acknowledged. */
  endedMs: number;
  /** Milliseconds from publish to acknowledgement, of each publish. */
  latenciesMs: Float64Array;
}

/** Publish as fast as acknowledgements allow. All start when all are logged in. */
export function publish(task: PublishTask): Promise<PublishReport> {
  return new Promise((resolve) => {
    const latenciesMs = new Float64Array(task.publishers * task.publishes);
    const starts: (() => void)[] = [];
    let acknowledged = 0;
    let startedMs = 0;
    const oneIsReady = (start: () => void) => {
      starts.push(start);
      if (starts.length < task.publishers) return;
      startedMs = machineMs();
      for (const startOne of starts) startOne();
    };
    const oneIsAcknowledged = (latencyMs: number) => {
      latenciesMs[acknowledged] = latencyMs;
      acknowledged += 1;
      if (acknowledged < latenciesMs.length) return;
      resolve({ messages: acknowledged * task.batch, startedMs, endedMs: machineMs(), latenciesMs });
    };
    for (let index = 0; index < task.publishers; index += 1) publishOnOneLine(task, oneIsReady, oneIsAcknowledged);
  });
}

function publishOnOneLine(
  task: PublishTask,
  ready: (start: () => void) => void,
  acknowledged: (latencyMs: number) => void,
): void {
  const line = new Line(task.port);
  const sentMs = new Float64Array(task.inFlight);
  let sent = 0;
  let settled = 0;
  const send = () => {
    const pieces: Buffer[] = [];
    for (; sent < task.publishes && sent - settled < task.inFlight; sent += 1) {
      sentMs[sent % task.inFlight] = performance.now();
      pieces.push(...publisher.publish());
    }
    if (pieces.length > 0) line.write(...pieces);
  };
  const publisher = dialects[task.dialect].publisher(task, {
    ready: () => ready(send),
    acknowledged: (publishes) => {
      const now = performance.now();
      for (const end = settled + publishes; settled < end; settled += 1)
        acknowledged(now - sentMs[settled % task.inFlight]!);
    },
  });
  let isStarted = false;
  line.speak(publisher, () => {
    isStarted ||= sent > 0;
    if (isStarted) send();
  });
}
