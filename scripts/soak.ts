import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readTextIfAny } from '../image/files.ts';
import { showSteps } from '../image/steps.ts';
import { UsageError } from '../services/program/usage.ts';
import { findDecoders } from './endurance/decoders.ts';
import { tryImageOf } from './endurance/image-source.ts';
import { parts } from './endurance/parts.ts';
import { putReport, soakReport } from './endurance/report.ts';
import { withState } from './endurance/state.ts';
import { installForTests } from './host/for-tests.ts';
import { abortOnSignals, root, runProgram } from './lib/program.ts';

const usage = `Usage: ./scripts/soak [--minutes N] [--only PART | --source S] [--inputs N] [--cuts N] [--output FILE]

Runs for an hour the campaigns that take too long for ./scripts/test, and prints what all runs together have found so far
as Markdown. Installs what is missing, as ./scripts/test does. It can be stopped at any time; the next run goes on and adds to the counts.

  memory    watches for ten minutes the memory of a mesh of three nodes that carries downloads at full rate
  abuse     has apps crash, hang, flood and leave orphans, and kills viscript
  power     cuts the power of a disk on which everything of ours writes. Needs root
  update-power  cuts the power 2,000 times while a board updates itself, and boots 20 boards
  boards    runs the tests of boards that take too long for ./scripts/test, and have not passed yet. Takes an hour
  reboots   restarts a board 30 times in a row, and pulls its plug every other time. Takes half an hour
  sabotage  breaks what ./scripts/sabotage breaks, as far as no test was seen to notice it yet
  fuzz      gives every decoder that the tests fuzz a hundred times the inputs of a test run. Takes hours in all;
            what fails is kept in test/corpus/

  --minutes N    for how long (default 60); parts take turns and share what is left
  --only PART    run one part alone
  --source S     run no part, but all image tests on an image of this source: debian or buildroot
  --inputs N     inputs for a decoder to which a test run gives 100,000, and others in proportion (default 10,000,000)
  --cuts N       power cuts, in all runs together (default 3,000)
  --output FILE  write what is printed into a file too; in docs/reliability.md it takes its place
  -h, --help     print this text

out/soak/state.json has what was found: remove it to begin anew.
`;

const out = join(root, 'out/soak');
const stateFile = join(out, 'state.json');

await runProgram('soak', async () => {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '60' },
      only: { type: 'string' },
      source: { type: 'string' },
      inputs: { type: 'string', default: '10000000' },
      cuts: { type: 'string', default: '3000' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { only, source, output } = values;
  if (only !== undefined && !Object.hasOwn(parts, only))
    throw new UsageError(`--only takes ${Object.keys(parts).join(', ')}`);
  if (source !== undefined && source !== 'debian' && source !== 'buildroot')
    throw new UsageError('--source takes debian or buildroot');
  if (source !== undefined && only !== undefined)
    throw new UsageError('--only and --source exclude each other');
  const minutes = positive('--minutes', values.minutes);
  const [inputs, cuts] = [positive('--inputs', values.inputs), positive('--cuts', values.cuts)];

  const signal = abortOnSignals();
  const steps = showSteps({ logs: join(root, 'out/logs/soak'), output: process.stderr });
  const decoders = await findDecoders(root);
  await installForTests(steps, { boards: true });
  const [report, well] = await withState(stateFile, steps, async (state, save) => {
    if (source !== undefined) {
      const trial = await tryImageOf({ root, source, steps, signal });
      state.sources[source] = trial;
      await save();
      return [soakReport(state, decoders), trial.passed];
    }
    const chosen = Object.entries(parts).filter(([name]) => only === undefined || name === only);
    const end = performance.now() + minutes * 60_000;
    let well = true;
    for (const [at, [, part]] of chosen.entries()) {
      if (signal.aborted) break;
      const left = Math.max(0, (end - performance.now()) / 60_000);
      const share = left / (chosen.length - at);
      const given = { root, out, state, save, steps, minutes: share, cuts, inputs, decoders, signal };
      if (!(await part(given))) well = false;
    }
    return [soakReport(state, decoders), well];
  });
  process.stdout.write(report);
  if (output !== undefined) await writeFile(output, putReport(await readTextIfAny(output), report));
  return well && !signal.aborted ? 0 : 1;
});

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option} must be a whole number from 1 on`);
  return value;
}
