import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { Inbox } from '../support/inbox.js';

interface Report {
  open?: number;
  codes?: Record<string, number>;
}

/** Connections from another process that never log in. */
export class IdleConnections {
  readonly #reports = new Inbox<Report>();

  constructor(port: number, count: number) {
    const script = fileURLToPath(new URL('./idle-connections.mjs', import.meta.url));
    const child: ChildProcess = spawn(process.execPath, [script, String(port), String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill());
    createInterface({ input: child.stdout! }).on('line', (line) => this.#reports.push(JSON.parse(line) as Report));
  }

  /** Resolves when every connection was opened; some may be closed already. */
  async opened(): Promise<void> {
    await this.#reports.take(({ open }) => open !== undefined, 'all connections to be open', 40_000);
  }

  /** How many were closed with which code, when all are. */
  async closed(): Promise<Record<string, number>> {
    const { codes } = await this.#reports.take((report) => report.codes !== undefined, 'all to be closed', 40_000);
    return codes!;
  }
}
