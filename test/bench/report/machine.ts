import { cpus, platform, release, totalmem } from 'node:os';

/** Where a run took place. */
export function machine(): string {
  const [cpu] = cpus();
  const gibibytes = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${gibibytes} GiB, ${platform()} ${release()}, Node ${process.versions.node}`;
}
