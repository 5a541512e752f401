import { keep } from './report/keep.js';
import { machine } from './report/machine.js';
import { tableOf } from './report/markdown.js';
import { reportOf } from './report/report.js';
import { runScenario } from './report/run.js';
import { scenarios } from './scenarios/index.js';

/**
 * `npm run bench -- [--quick] [NAME]`: runs the scenarios one after the other, all or those whose name contains NAME,
 * prints their tables and keeps them under test/bench/results.
 */
const words = process.argv.slice(2);
const size = words.includes('--quick') ? 'quick' : 'full';
const rounds = size === 'quick' ? 1 : 3;
const wanted = words.find((word) => !word.startsWith('--')) ?? '';
const names = scenarios.map(({ name }) => name);
const progress = (text: string) => process.stderr.write(`${text}\n`);

const chosen = scenarios.filter(({ name }) => name.includes(wanted));
if (chosen.length === 0) {
  process.stderr.write(`no scenario's name contains "${wanted}"; there are: ${names.join(', ')}\n`);
  process.exit(2);
}
for (const scenario of chosen) {
  const result = await runScenario(scenario, { size, rounds, progress });
  const report = reportOf(result, { date: new Date().toISOString(), machine: machine() });
  console.log(`${tableOf(report)}\n`);
  await keep(report, size, names);
}
