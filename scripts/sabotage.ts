import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { showSteps } from '../image/steps.ts';
import { UsageError } from '../services/program/usage.ts';
import { breaches } from './endurance/sabotage/breaches.ts';
import { sabotageReport } from './endurance/sabotage/report.ts';
import { sabotage } from './endurance/sabotage/sabotage.ts';
import { withState } from './endurance/state.ts';
import { installForTests } from './host/for-tests.ts';
import { abortOnSignals, root, runProgram } from './lib/program.ts';

const usage = `Usage: ./scripts/sabotage [--only PART] [--list]

Breaks one promise of the software at a time in a copy of the sources, and shows that a test goes red for each.
Takes half an hour; those that need a board are most of it. They need root. Installs what is missing, as ./scripts/test does.

  --only TEXT  only promises whose words, file or project (runtime, mesh, image) have this in them
  --list       say which promises there are, and end
  -h, --help   print this text

What was found is kept in out/soak/state.json, from which ./scripts/soak prints it.
`;

const stateFile = join(root, 'out/soak/state.json');

await runProgram('sabotage', async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { only } = values;
  const chosen = breaches.filter(({ broken, file, project }) =>
    [broken, file, project].some((text) => text.includes(only)),
  );
  if (chosen.length === 0) throw new UsageError(`no promise has ‘${only}’ in it: see --list`);
  if (values.list) {
    for (const { broken, test } of chosen) process.stdout.write(`${broken}: ${test}\n`);
    return 0;
  }
  const signal = abortOnSignals();
  const steps = showSteps({ logs: join(root, 'out/logs/soak'), output: process.stderr });
  await installForTests(steps, { boards: true });
  const trials = await withState(stateFile, steps, (state, save) =>
    steps.step('Break promises', 'Read in the log what the tests said.', ({ log, note }) =>
      sabotage({
        ...{ root, breaches: chosen, log, progress: note, signal },
        save: (trial) => {
          state.sabotage[trial.broken] = trial;
          return save();
        },
      }),
    ),
  );
  process.stdout.write(sabotageReport(trials));
  return trials.length === chosen.length && trials.every(({ noticed }) => noticed) ? 0 : 1;
});
