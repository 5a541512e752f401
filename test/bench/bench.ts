import { runScenario } from './report/run.js';
import { markdownOf } from './report/table.js';
import { scenarios } from './scenarios/index.js';

/**
 * `npm run bench -- [--quick] [NAME]`: runs the scenarios one after the other, all or those whose name contains NAME.
 */
const words = process.argv.slice(2);
const isQuick = words.includes('--quick');
const wanted = words.find((word) => !word.startsWith('--')) ?? '';

for (const scenario of scenarios) {
  if (!scenario.name.includes(wanted)) continue;
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const result = await runScenario(scenario, { size: isQuick ? 'quick' : 'full', rounds: isQuick ? 1 : 3, progress });
  console.log(`${markdownOf(result)}\n`);
}
