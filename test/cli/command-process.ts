import { LatecomerProcess } from '../support/latecomer-process.js';

/** A `latecomer` command that runs in a directory of the test's, with an open stdin. */
export class CommandProcess extends LatecomerProcess {
  /** Exit status, or the name of the signal that ended it, when all it started is gone too. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(args: readonly string[], cwd: string) {
    super(args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = this.closed.then(({ code, signal }) => code ?? signal!);
  }

  /** Port and process id of the server's n-th life. */
  life(number: number): Promise<{ port: number; pid: number }> {
    return this.until(({ err }) => {
      const notices = err
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg === 'listening');
      return notices[number - 1];
    }, `life ${number} of the server`);
  }
}
