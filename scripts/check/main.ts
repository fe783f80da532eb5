import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { CommandError, run } from '../../image/run.ts';
import { type Step, StepError, type Steps, showSteps } from '../../image/steps.ts';
import { build } from '../build.ts';
import { installForTests } from '../host/for-tests.ts';
import { buildBoardImage } from '../lib/board-image.ts';
import { root } from '../lib/program.ts';
import { addTallies, longestFiles, report, type Tally, tallyOfCheck, tallyOfVitest } from './results.ts';

const usage = `Usage: ./scripts/test [--quick]

Installs what is missing, then runs lint, types, unit, integration, mesh and image tests.
The last line of the output counts them: N passed, M failed, K skipped.

  --quick    leave out the image and meshes of many processes: needs no root, no QEMU and a few minutes
  -h, --help print this text
`;

const logs = join(root, 'out/logs/test');
type Project = 'runtime' | 'mesh' | 'image';

/** A run that takes longer hangs. */
const VITEST_DEADLINE_MS: Record<Project, number> = {
  runtime: 12 * 60_000,
  mesh: 12 * 60_000,
  image: 55 * 60_000,
};

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) process.stdout.write(usage);
else {
  process.chdir(root);
  const tally = addTallies(await checkAll(showSteps({ logs, output: process.stdout }), values.quick));
  process.stdout.write(`\n${report(tally)}`);
  process.exitCode = tally.failed.length > 0 ? 1 : 0;
}

async function checkAll(steps: Steps, quick: boolean): Promise<Tally[]> {
  const packages = await check('packages of this machine', () => installForTests(steps, { boards: !quick }));
  const bundle = await check('bundle', () =>
    steps.step('Bundle the runtime', 'Correct what esbuild complains about.', async () => {
      await build();
    }),
  );
  const prepared = [packages, bundle].filter(({ failed }) => failed.length > 0);
  if (quick) return [...prepared, ...(await checkSources(steps))];

  // The image is built while the unit tests run: each keeps about one core busy. Meshes and image get the machine alone.
  const sources = checkSources(steps);
  const alone = await checkAlone(steps, sources);
  return [...prepared, ...(await sources), ...alone];
}

async function checkSources(steps: Steps): Promise<Tally[]> {
  const [lint, types, shell] = await Promise.all([
    tool('Lint', [join(root, 'node_modules/.bin/biome'), 'check', '--error-on-warnings', '.'], steps),
    tool('Types', [join(root, 'node_modules/.bin/tsc'), '--noEmit'], steps),
    check('shell scripts', () =>
      steps.step('Shell scripts', 'Correct what shellcheck complains about.', async (step) => {
        await run('shellcheck', await shellScripts(), { log: step.log });
      }),
    ),
  ]);
  return [lint, types, shell, await vitest('runtime', 'Unit and integration tests', steps)];
}

async function checkAlone(steps: Steps, before: Promise<unknown>): Promise<Tally[]> {
  let image = '';
  const built = await check('image build', async () => {
    ({ image } = await buildBoardImage({ board: 'qemu-aarch64', source: 'debian', steps }));
  });
  await before;
  const mesh = await vitest('mesh', 'Mesh tests', steps);
  if (built.failed.length > 0) return [built, mesh];
  return [built, mesh, await vitest('image', 'Image tests', steps, { SKYMINER_IMAGE: image })];
}

function tool(title: string, [command = '', ...args]: string[], steps: Steps): Promise<Tally> {
  return check(title.toLowerCase(), () =>
    steps.step(title, `Correct what it complains about; the rest is in the log.`, async (step) => {
      await run(command, args, { log: step.log });
    }),
  );
}

async function vitest(
  project: Project,
  title: string,
  steps: Steps,
  environment: NodeJS.ProcessEnv = {},
): Promise<Tally> {
  const results = join(logs, `${project}.jsonl`);
  await rm(results, { force: true });
  let tally: Tally | undefined;
  const crashed = await check(title, () =>
    steps.step(title, 'The failed tests are listed at the end.', async (step) => {
      const status = await runVitest(project, { ...environment, SKYMINER_TEST_RESULTS: results }, step);
      const lines = await readFile(results, 'utf8');
      tally = tallyOfVitest(title, lines, status);
      step.note(`${tally.passed} passed; longest: ${longestFiles(lines, 3)}`);
      if (tally.failed.length > 0) throw new Error(`${tally.failed.length} failed`);
    }),
  );
  return tally ?? crashed;
}

/** Returns the exit status, or null when it died of a signal. */
async function runVitest(
  project: Project,
  environment: NodeJS.ProcessEnv,
  step: Step,
): Promise<number | null> {
  const args = ['run', '--project', project, '--allowOnly=false'];
  const reporters = ['--reporter=default', `--reporter=${join(import.meta.dirname, 'reporter.ts')}`];
  try {
    await run(join(root, 'node_modules/.bin/vitest'), [...args, ...reporters], {
      log: step.log,
      env: { ...environment, NO_COLOR: '1' },
      signal: AbortSignal.timeout(VITEST_DEADLINE_MS[project]),
      onLine: (line) => step.note(stripVTControlCharacters(line).trim()),
    });
    return 0;
  } catch (error) {
    if (error instanceof CommandError) return error.status;
    throw error;
  }
}

/** Counts work as one test: passed when it returns, failed when it throws. */
async function check(name: string, work: () => Promise<void>): Promise<Tally> {
  try {
    await work();
    return tallyOfCheck(name);
  } catch (error) {
    if (!(error instanceof StepError)) return tallyOfCheck(name, asError(error));
    return tallyOfCheck(name, new Error([error.message, ...error.logTail].join('\n')));
  }
}

/** Every file of the repository that a shell runs: by its name, or by its first line. */
async function shellScripts(): Promise<string[]> {
  const listed = await run('git', ['-c', 'safe.directory=*', 'ls-files', '-z', '-co', '--exclude-standard']);
  const files = listed.stdout
    .split('\0')
    .filter((file) => file !== '' && !/\.(ts|json|md|svg|png)$/.test(file));
  const firsts = await Promise.all(files.map(async (file) => ({ file, first: await firstLine(file) })));
  return firsts
    .filter(
      ({ file, first }) => file.endsWith('.sh') || /^#(!.*\b(ba|da)?sh\b| shellcheck shell=)/.test(first),
    )
    .map(({ file }) => file);
}

async function firstLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  return text.split('\n', 1)[0] ?? '';
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
