import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Step, showSteps } from '../image/steps.ts';
import { UsageError } from '../services/program/usage.ts';
import { build } from './build.ts';
import { repeatCommand } from './endurance/campaign.ts';
import { type Decoder, findDecoders } from './endurance/decoders.ts';
import { fuzz } from './endurance/fuzz.ts';
import { watchMemory } from './endurance/memory.ts';
import { powerCampaign } from './endurance/power/campaign.ts';
import { soakReport } from './endurance/report.ts';
import type { FuzzResult } from './endurance/result.ts';
import { readState, type SoakState, writeState } from './endurance/state.ts';
import { buildBoardImage } from './lib/board-image.ts';
import { abortOnSignals, root, runProgram } from './lib/program.ts';

const usage = `Usage: ./scripts/soak [--only PART] [--inputs N] [--minutes N] [--cuts N] [--output FILE]

Runs the campaigns that take too long for ./scripts/test, and prints what they found so far as Markdown.

  fuzz    gives every decoder that the tests fuzz a hundred times the inputs of a test run. Takes hours; it can be
          stopped at any time, and goes on where it was. What fails is kept in test/corpus/
  memory  watches the memory of a mesh of three nodes that carries downloads at full rate
  power   cuts the power of a disk on which everything of ours writes. Needs root and the
          packages of ./scripts/test; can be stopped and resumed

  --only PART    run one part alone: fuzz, memory or power
  --inputs N     inputs for a decoder to which a test run gives 100,000, and others in proportion (default 10,000,000)
  --minutes N    for how long memory is watched, after a minute of warming up (default 10)
  --cuts N       power cuts, in all runs together (default 3,000)
  --output FILE  write what is printed into a file too
  -h, --help     print this text

out/soak/state.json has what was found: remove it to begin anew.
`;

/** What a test run gives to a decoder, as CONTRIBUTING asks for. */
const INPUTS_OF_A_TEST = 100_000;
const out = join(root, 'out/soak');
const stateFile = join(out, 'state.json');
const parts = ['fuzz', 'memory', 'power'];

await runProgram('soak', async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      inputs: { type: 'string', default: '10000000' },
      minutes: { type: 'string', default: '10' },
      cuts: { type: 'string', default: '3000' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { only = '', output } = values;
  if (values.only !== undefined && !parts.includes(only))
    throw new UsageError(`--only takes ${parts.join(' or ')}`);
  const inputs = positive('--inputs', values.inputs);
  const minutes = positive('--minutes', values.minutes);
  const cuts = positive('--cuts', values.cuts);
  const runs = (part: string) => only === '' || only === part;

  const signal = abortOnSignals();
  const steps = showSteps({ logs: join(root, 'out/logs/soak'), output: process.stderr });
  const decoders = await findDecoders(root);
  const state = await readState(stateFile);
  const failed: FuzzResult[] = [];
  if (runs('fuzz')) {
    const work = fuzzing(state, decoders, inputs, signal);
    failed.push(...(await steps.step('Fuzz decoders', 'Read in the log which test failed.', work)));
  }
  if (runs('memory') && !signal.aborted) {
    const bundle = join(out, 'dist');
    await steps.step('Bundle the runtime', 'Correct what esbuild complains about.', () =>
      build({ out: bundle }),
    );
    state.memory = await steps.step('Watch memory', 'See the log.', ({ note }) =>
      watchMemory({ apps: join(bundle, 'apps'), minutes, signal, progress: note }),
    );
    await writeState(stateFile, state);
  }
  if (runs('power') && !signal.aborted) {
    const { image, uBoot } = await buildBoardImage({ board: 'qemu-aarch64', source: 'debian', steps });
    await steps.step('Cut the power', 'Read in the report what was lost.', ({ note }) =>
      powerCampaign({
        ...{ cuts, image, uBoot, before: state.power, keep: join(out, 'power-cuts'), progress: note, signal },
        save: async (totals) => {
          state.power = totals;
          await writeState(stateFile, state);
        },
      }),
    );
  }
  const report = soakReport(state, decoders);
  process.stdout.write(report);
  if (output !== undefined) await writeFile(output, report);
  for (const { decoder, failure } of failed)
    if (failure !== undefined) process.stderr.write(describeFailure(decoder, failure));
  const grows = runs('memory') && state.memory?.processes.some((process) => process.grows) === true;
  const lost = runs('power') && (state.power?.lost.length ?? 0) > 0;
  return failed.length > 0 || grows || lost || signal.aborted ? 1 : 0;
});

function fuzzing(state: SoakState, decoders: readonly Decoder[], inputs: number, signal: AbortSignal) {
  return (step: Step) =>
    fuzz({
      ...{ root, out, decoders, step, signal, counts: state.fuzz },
      factor: inputs / INPUTS_OF_A_TEST,
      save: async (counts) => {
        state.fuzz = counts;
        await writeState(stateFile, state);
      },
    });
}

function describeFailure(decoder: string, failure: NonNullable<FuzzResult['failure']>): string {
  const { message, example, seed, path } = failure;
  const kept = example === undefined ? 'not kept: it is more than bytes and JSON' : 'kept in the corpus';
  const place = path === undefined ? 'from the corpus' : `seed ${seed}, path ${path}, ${kept}`;
  return `\n${decoder} failed (${place})\n${message}\nTo see it again: ${repeatCommand(failure)}\n`;
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option} must be a whole number from 1 on`);
  return value;
}
