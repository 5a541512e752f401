import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../../actors/package-root.js';
import type { Size } from '../scenarios/scenario.js';
import { chartOf } from './chart.js';
import { pageOf } from './markdown.js';
import type { Report } from './report.js';

const results = join(packageRoot, 'test', 'bench', 'results');

/**
 * Keep a report as JSON, one file a scenario, and make the page and the chart of all that are kept: a scenario that runs
 * alone replaces its own part. Short runs are kept apart, for they measure nothing.
 * @param names all scenarios there are, in the order of the page
 */
export async function keep(report: Report, size: Size, names: readonly string[]): Promise<void> {
  const directory = size === 'full' ? results : join(results, 'quick');
  await mkdir(directory, { recursive: true });
  await writeFile(file(directory, report.name), `${JSON.stringify(report, null, 2)}\n`);
  const kept = (await Promise.all(names.map((name) => read(file(directory, name))))).flat();
  await writeFile(join(directory, 'README.md'), pageOf(kept));
  await writeFile(join(directory, 'chart.svg'), chartOf(kept));
}

function file(directory: string, name: string): string {
  return join(directory, `${name}.json`);
}

async function read(path: string): Promise<Report[]> {
  try {
    return [JSON.parse(await readFile(path, 'utf8')) as Report];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
