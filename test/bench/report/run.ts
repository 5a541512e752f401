import type { Measurement, Scenario, Size } from '../scenarios/scenario.js';

/** What all rounds of one row found. */
export interface RowResult {
  name: string;
  persists: string;
  version: string;
  rounds: Measurement[];
}

/** What all rounds of a scenario found. */
export interface ScenarioResult {
  scenario: Scenario;
  rows: RowResult[];
}

/** Run the rows of a scenario one after the other, round after round. Rows that this machine cannot run are left out. */
export async function runScenario(
  scenario: Scenario,
  { size, rounds, progress }: { size: Size; rounds: number; progress: (text: string) => void },
): Promise<ScenarioResult> {
  const present = scenario.rows.flatMap((row) => {
    const version = row.version();
    return version === undefined
      ? []
      : [{ row, result: { name: row.name, persists: row.persists, version, rounds: [] } }];
  });
  const results: { row: (typeof scenario.rows)[number]; result: RowResult }[] = present;
  for (let round = 1; round <= rounds; round += 1) {
    for (const { row, result } of results) {
      progress(`${scenario.name}: round ${round} of ${rounds}: ${row.name}`);
      result.rounds.push(await row.measure(size));
    }
  }
  return { scenario, rows: results.map(({ result }) => result) };
}
