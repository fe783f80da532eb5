import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildImage } from '../image/build.ts';
import { ImageError } from '../image/error.ts';
import { repository } from '../image/files.ts';
import { StepError, showSteps } from '../image/steps.ts';
import { build } from './build.ts';

const HELP = `Usage: ./scripts/image [--board BOARD] [--source debian] [--manifest FILE] [--refresh] [--release]

Builds a board's disk image into out/BOARD/.

  --board BOARD    a folder in board/ (default: qemu-aarch64)
  --source SOURCE  where the root file system comes from: debian
  --manifest FILE  use exactly the packages of this file, which came with an earlier image
  --refresh        look for newer packages than those of the last build
  --release        newest packages, and the image packed with xz for publishing

The Debian mirror is the one this machine is configured with, or SKYMINER_DEBIAN_MIRROR.`;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === undefined) {
      console.log(HELP);
      return 0;
    }
    const out = join(repository, 'out');
    const steps = showSteps({ logs: join(out, 'logs'), output: process.stdout });
    const bundle = join(out, 'runtime');
    await steps.step(
      'Bundle the runtime',
      'Run `npm run types`: it tells what is wrong with the sources.',
      () => build({ out: bundle, boardOnly: true }),
    );
    const { image, directory } = await buildImage({ ...options, bundle, out, steps });
    console.log(`\n${image}\nThe packages it is made of, and checksums, are in ${directory}.`);
    return 0;
  } catch (error) {
    if (error instanceof StepError) return 1;
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${HELP}`);
      return 2;
    }
    if (!(error instanceof ImageError)) throw error;
    console.error(error.message);
    return 1;
  }
}

class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Options {
  board: string;
  source: 'debian' | 'buildroot';
  manifest?: string;
  refresh: boolean;
  release: boolean;
}

/** Undefined when help was asked for. */
function parseOptions(argv: string[]): Options | undefined {
  const { values } = parse(argv);
  if (values.help === true) return undefined;
  const { board = 'qemu-aarch64', source = 'debian', manifest, release = false, refresh = false } = values;
  if (source !== 'debian' && source !== 'buildroot') throw new UsageError(`There is no source "${source}".`);
  return { board, source, release, refresh, ...(manifest === undefined ? {} : { manifest }) };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        board: { type: 'string' },
        source: { type: 'string' },
        manifest: { type: 'string' },
        refresh: { type: 'boolean' },
        release: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
