import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, onTestFailed } from 'vitest';
import { eventually } from '../../support/deadline.js';
import { LatecomerProcess } from '../../support/latecomer-process.js';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.js';
import { markedEnvironment, markedProcesses, signal } from './processes.js';
import { type ServerOptions, ServerProcess } from './server-process.js';

/** The servers and directories of one test, which leave nothing behind. */
export class Arena {
  #mark = '';
  #temporary: string | undefined;
  #cleanups: (() => Promise<void> | void)[] = [];
  readonly #servers: ServerProcess[] = [];
  readonly #directories: TemporaryDirectory[] = [];

  /** To be called before each test. */
  open(): void {
    this.#mark = randomUUID();
    this.#servers.length = 0;
    this.#temporary = undefined;
    onTestFailed(() => {
      for (const [index, server] of this.#servers.entries()) console.error(`server ${index + 1}:\n${server.tail()}`);
    });
  }

  /** To be called after each test, whatever its outcome. */
  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    for (const pid of this.processes()) signal(pid, 'SIGKILL');
    await this.deserted();
    for (const { remove } of this.#directories.splice(0)) await remove();
  }

  /** A new directory. */
  async directory(): Promise<string> {
    const temporary = await temporaryDirectory();
    this.#directories.push(temporary);
    return temporary.directory;
  }

  /** Call this when the test is over. */
  defer(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  /** Start a server, in a new directory unless one is named; resolves when it accepts connections. */
  async start(options: Partial<ServerOptions> = {}): Promise<ServerProcess> {
    const server = await this.launch(options);
    await server.listening();
    return server;
  }

  /** Start a server and do not wait for it. */
  async launch(options: Partial<ServerOptions> = {}): Promise<ServerProcess> {
    const data = options.data ?? (await this.directory());
    this.#temporary ??= await this.directory();
    const server = new ServerProcess({ temporary: this.#temporary, ...options, data }, this.#mark);
    this.#servers.push(server);
    return server;
  }

  /** Run another command, with an open stdin. @param options.wrap what its command line becomes */
  run(args: readonly string[], { wrap }: { wrap?: (command: string[]) => string[] } = {}): LatecomerProcess {
    const env = markedEnvironment(this.#mark);
    return new LatecomerProcess(args, { cwd: '/', env, stdio: ['pipe', 'pipe', 'pipe'], ...(wrap && { wrap }) });
  }

  /** All processes that this test has started, directly or not. */
  processes(): number[] {
    return markedProcesses(this.#mark);
  }

  /** Resolves when none of them is left. */
  async deserted(): Promise<void> {
    await eventually(() => this.processes().length === 0 || undefined, 'all processes of the test to be gone');
  }
}

/** An {@link Arena} for the tests of a file. */
export function useArena(): Arena {
  const arena = new Arena();
  beforeEach(() => arena.open());
  afterEach(() => arena.close());
  return arena;
}
