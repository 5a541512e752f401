import type { ChildProcess } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type EndingSignal, ExitCode, signalExitCode } from './exit-codes.js';
import { type Interruption, interruptedBy } from './interruption.js';
import { endGroup, signalGroup, startGroup } from './process-group.js';
import { type RestartLimits, RestartPolicy, restartLimits } from './restart-policy.js';

/** What a server process tells its supervisor over the IPC channel when it accepts connections. */
export interface ListeningNotice {
  type: 'listening';
  host: string;
  port: number;
  /** For clients of the Soup family, when they are served. */
  soupPort?: number;
}

/** What to supervise, and how. */
export interface SuperviseOptions extends Interruption {
  /** The module of the server process. */
  module: string;
  /** Its arguments; a restart adds the ports that were picked, so that clients find the server again. */
  args: readonly string[];
  /** Whose standard input it has. @defaultValue none */
  stdin?: 'inherit' | 'ignore';
  logger: Logger;
  limits?: RestartLimits;
  /** After a signal the process has this long to end by itself. */
  stopMs?: number;
}

/**
 * Keep a server process running: it is started in a process group of its own, started again with a growing back-off
 * when it dies, and told of SIGINT, SIGTERM and SIGHUP. Before each restart and at the end the whole group is killed,
 * so that nothing it forked goes on holding the port, stopped or orphaned as it may be.
 * @returns the status to exit with: the process's own after a signal or when a restart cannot help,
 *   {@link ExitCode.internal} after too many early deaths in a row
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const supervision = new Supervision(options);
  const end = () => supervision.end();
  const kill = () => supervision.kill();
  options.interrupted.addEventListener('abort', end, { once: true });
  options.abandoned.addEventListener('abort', kill, { once: true });
  try {
    return await supervision.run();
  } finally {
    options.interrupted.removeEventListener('abort', end);
    options.abandoned.removeEventListener('abort', kill);
  }
}

class Supervision {
  readonly #options: SuperviseOptions;
  readonly #logger: Logger;
  readonly #policy: RestartPolicy;
  #child: ChildProcess | undefined;
  #listeningSince: number | undefined;
  /** Flags with the ports that were picked. */
  #ports: string[] = [];
  #killed = false;

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#policy = new RestartPolicy(options.limits ?? restartLimits);
  }

  async run(): Promise<number> {
    const { interrupted } = this.#options;
    for (;;) {
      if (interrupted.aborted) return codeOf(this.#endedBy!);
      const { code, signal } = await this.#live();
      if (this.#endedBy !== undefined) return this.#codeAfterSignal(this.#endedBy, code);
      const listenedMs = this.#listeningSince === undefined ? undefined : performance.now() - this.#listeningSince;
      const verdict = this.#policy.died({ code, listenedMs });
      if (verdict.type === 'end') return verdict.code;
      if (verdict.type === 'give-up') {
        this.#logger.fatal({ code, signal, earlyDeaths: verdict.earlyDeaths }, 'server keeps dying early: giving up');
        return verdict.code;
      }
      this.#logger.error({ code, signal, restartMs: verdict.afterMs }, 'server died; it is started again');
      await wait(verdict.afterMs, undefined, { signal: interrupted }).catch(() => undefined);
    }
  }

  /** Pass the signal on; a server that does not end in time is killed. */
  end(): void {
    const child = this.#child;
    const signal = this.#endedBy;
    if (child === undefined || signal === undefined) return;
    child.kill(signal);
    const deadline = setTimeout(() => {
      this.#logger.error({ signal }, 'server did not end in time: it is killed');
      this.kill();
    }, this.#options.stopMs ?? 9_500);
    child.once('exit', () => clearTimeout(deadline));
  }

  /** End the server and all it forked at once. */
  kill(): void {
    this.#killed = true;
    if (this.#child?.pid !== undefined) signalGroup(this.#child.pid, 'SIGKILL');
  }

  get #endedBy(): EndingSignal | undefined {
    return interruptedBy(this.#options.interrupted);
  }

  /** One life of the server process, until its whole group is gone. */
  async #live(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const { module, args, stdin } = this.#options;
    const child = startGroup(module, [...args, ...this.#ports], stdin);
    this.#child = child;
    this.#listeningSince = undefined;
    child.on('message', (message) => this.#told(message));
    const death = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', (error) => {
        this.#logger.error({ err: error }, 'server process could not be started');
        if (child.pid === undefined) resolve({ code: ExitCode.internal, signal: null });
      });
    });
    this.#child = undefined;
    if (child.pid !== undefined && !(await endGroup(child.pid))) {
      this.#logger.warn({ group: child.pid }, 'processes of the server that died are still there');
    }
    return death;
  }

  #told(message: unknown): void {
    const { type, port, soupPort } = message as Partial<ListeningNotice>;
    if (type !== 'listening' || port === undefined) return;
    this.#listeningSince = performance.now();
    this.#ports = ['--port', String(port)];
    if (soupPort !== undefined) this.#ports.push('--soup-port', String(soupPort));
  }

  #codeAfterSignal(endedBy: EndingSignal, code: number | null): number {
    if (this.#killed) return ExitCode.internal;
    return code ?? codeOf(endedBy);
  }
}

/** A server asked to end with SIGTERM that did so has done what it should; the others interrupted it. */
function codeOf(signal: EndingSignal): number {
  return signal === 'SIGTERM' ? ExitCode.done : signalExitCode(signal);
}
