import { join } from 'node:path';
import type { Step, Steps } from '../../image/steps.ts';
import { build } from '../build.ts';
import { buildBoardImage } from '../lib/board-image.ts';
import { abuse } from './abuse/campaign.ts';
import { describeFailure } from './campaign.ts';
import type { Decoder } from './decoders.ts';
import { fuzz } from './fuzz.ts';
import { runLongTests } from './long-tests.ts';
import { watchMemory } from './memory.ts';
import { powerCampaign } from './power/campaign.ts';
import { reboot } from './reboots.ts';
import { breaches } from './sabotage/breaches.ts';
import { sabotage } from './sabotage/sabotage.ts';
import type { SoakState } from './state.ts';
import { updatePower } from './update-power/campaign.ts';

/** What a part of the soak works with. */
export interface Part {
  root: string;
  /** Folder for what is kept between runs. */
  out: string;
  /** What all runs found; parts change it. */
  state: SoakState;
  save: () => Promise<void>;
  steps: Steps;
  /** How long it may take. Memory takes its time, and what has begun is brought to its end. */
  minutes: number;
  /** In all runs together. */
  cuts: number;
  /** For a decoder to which a test run gives 100,000. */
  inputs: number;
  decoders: readonly Decoder[];
  signal: AbortSignal;
}

/** What a test run gives to a decoder, as CONTRIBUTING asks for. */
const INPUTS_OF_A_TEST = 100_000;
/** After a minute in which caches and heaps fill. */
const MEMORY_MINUTES = 10;
/** In a row; each takes an emulated board half a minute. */
const REBOOTS = 30;
const UPDATE_CUTS = { cuts: 2000, boots: 20 };

/** Each returns whether all was well. The later ones take what time the earlier ones have left. */
export const parts: Readonly<Record<string, (part: Part) => Promise<boolean>>> = {
  async memory({ out, state, save, steps, signal }) {
    const bundle = await bundled(out, steps);
    state.memory = await steps.step('Watch memory', 'See the log.', ({ note }) =>
      watchMemory({ apps: join(bundle, 'apps'), minutes: MEMORY_MINUTES, signal, progress: note }),
    );
    await save();
    return state.memory.processes.every(({ grows }) => !grows);
  },

  async abuse({ out, state, save, steps, minutes, signal }) {
    const bundle = await bundled(out, steps);
    const totals = await steps.step(
      'Crash, hang and flood',
      'Read in the report what was lost.',
      ({ note }) =>
        abuse({
          ...{ bundle, minutes, before: state.abuse, progress: note, signal },
          save: async (totals) => {
            state.abuse = totals;
            await save();
          },
        }),
    );
    return totals.lost.length === 0;
  },

  async power({ out, state, save, steps, minutes, cuts, signal }) {
    const { image, uBoot } = await buildBoardImage({ board: 'qemu-aarch64', source: 'debian', steps });
    const totals = await steps.step('Cut the power', 'Read in the report what was lost.', ({ note }) =>
      powerCampaign({
        ...{ cuts, image, uBoot, before: state.power, keep: join(out, 'power-cuts'), progress: note },
        signal: within(minutes, signal),
        save: async (totals) => {
          state.power = totals;
          await save();
        },
      }),
    );
    return totals.lost.length === 0;
  },

  async boards({ root, state, save, steps, minutes, signal }) {
    return steps.step('Test boards at length', 'Read in the log what failed.', ({ log, note }) =>
      runLongTests({
        ...{ root, log, before: state.boards, progress: note, signal: within(minutes, signal) },
        save: async (test) => {
          state.boards[test.file] = test;
          await save();
        },
      }),
    );
  },

  async reboots({ root, state, save, steps, signal }) {
    state.reboots = await steps.step('Reboot', 'Read in the log what was counted.', ({ log }) =>
      reboot({ root, log, reboots: REBOOTS, signal }),
    );
    await save();
    return state.reboots.well;
  },

  async 'update-power'({ state, save, steps }) {
    const { image, uBoot } = await buildBoardImage({ board: 'qemu-aarch64', source: 'debian', steps });
    const found = await steps.step(
      'Cut the power of updates',
      'Read in the report what was lost.',
      ({ note }) => updatePower({ image, uBoot, ...UPDATE_CUTS, progress: note }),
    );
    const { cuts, boots, lost, holds } = found;
    state.updatePower = { day: new Date().toISOString().slice(0, 10), cuts, boots, lost, torn: holds.torn };
    await save();
    return lost.length === 0;
  },

  async sabotage({ root, state, save, steps, minutes, signal }) {
    const left = breaches.filter(({ broken }) => state.sabotage[broken]?.noticed !== true);
    const trials = await steps.step(
      'Break promises',
      'Read in the log what the tests said.',
      ({ log, note }) =>
        sabotage({
          ...{ root, breaches: left, log, progress: note, signal: within(minutes, signal) },
          save: async (trial) => {
            state.sabotage[trial.broken] = trial;
            await save();
          },
        }),
    );
    return trials.every(({ noticed }) => noticed);
  },

  async fuzz({ root, out, decoders, state, save, steps, minutes, inputs, signal }) {
    const failed = await steps.step('Fuzz decoders', 'Read in the log which test failed.', (step: Step) =>
      fuzz({
        ...{ root, out, decoders, step, signal: within(minutes, signal), counts: state.fuzz },
        factor: inputs / INPUTS_OF_A_TEST,
        save: async (counts) => {
          state.fuzz = counts;
          await save();
        },
      }),
    );
    for (const each of failed) process.stderr.write(describeFailure(each));
    return failed.length === 0;
  },
};

async function bundled(out: string, steps: Steps): Promise<string> {
  const bundle = join(out, 'dist');
  await steps.step('Bundle the runtime', 'Correct what esbuild complains about.', async () => {
    await build({ out: bundle });
  });
  return bundle;
}

function within(minutes: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, Math.round(minutes * 60_000)))]);
}
