import { table } from '../table.ts';
import type { Trial } from './sabotage.ts';

/** What came of the breaches, as Markdown. */
export function sabotageReport(trials: readonly Trial[]): string {
  if (trials.length === 0) return 'None was broken yet.\n';
  const rows = trials.map(({ broken, day, test, name, noticed, said }) => [
    broken,
    `\`${test}\`: ${name}`,
    noticed ? `red: ${code(said)}` : `**not noticed**: ${said}`,
    day,
  ]);
  const noticed = trials.filter((trial) => trial.noticed).length;
  return `Each of these was broken in a copy of the sources, in which its test had been green: ${noticed} of ${trials.length} were noticed.

${table(['Promise', 'Test', 'What it said', 'Day'], rows)}`;
}

/** In the text of a cell, whatever backquotes there are. */
function code(text: string): string {
  return `\`${text.replaceAll('`', '’')}\``;
}
