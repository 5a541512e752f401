import { scenarios } from './scenarios.js';

/** `npm run bench -- [--quick] [NAME]`: runs the scenarios one after the other, all or those whose name contains NAME. */
const words = process.argv.slice(2);
const size = words.includes('--quick') ? 'quick' : 'full';
const wanted = words.find((word) => !word.startsWith('--')) ?? '';

for (const { name, run } of scenarios) {
  if (!name.includes(wanted)) continue;
  const figures = Object.entries(await run(size)).map(([figure, value]) => `${value} ${figure}`);
  console.log(`${name}: ${figures.join(', ')}`);
}
