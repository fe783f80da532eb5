import { access, statfs } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import type { InstallPlan } from './packages.ts';

/** Bytes in `out/` after an image was built: packages, unpacked root, image. Measured, rounded up. */
const BUILD_BYTES = 2_000_000_000;
/** Minutes on two cores, emulation included. */
const MINUTES = { build: 5, boot: 1 };

export interface Needs {
  plan: InstallPlan;
  /** Whether an image is there already; what has not changed is then reused. */
  built: boolean;
  /** Bytes that are free where the image is built. */
  free: number;
}

/** Finds out what building and booting an image needs on this machine. */
export async function findNeeds(plan: InstallPlan, image: string, root: string): Promise<Needs> {
  const { bavail, bsize } = await statfs(root);
  const built = await access(image).then(
    () => true,
    () => false,
  );
  return { plan, built, free: bavail * bsize };
}

/** Says what is needed, a line each, in words for the person who decides. */
export function describeNeeds({ plan, built, free }: Needs): string {
  const { missing, download, disk } = plan;
  const sizes =
    download === undefined || disk === undefined
      ? 'size unknown before apt-get update'
      : `${megabytes(download)} to download, ${megabytes(disk)} on disk`;
  const packages = missing.length === 0 ? 'all there' : `${missing.join(', ')} (${sizes})`;
  const building = built ? 'what changed since the last build' : `${megabytes(BUILD_BYTES)} in out/`;
  const minutes = built ? MINUTES.boot : MINUTES.build + MINUTES.boot;
  return [
    'This builds the image of an emulated board and boots it. It needs',
    `  Debian packages  ${packages}`,
    `  disk             ${building}, ${megabytes(free)} free`,
    `  time             about ${minutes} minute${minutes === 1 ? '' : 's'} on two cores`,
    '',
  ].join('\n');
}

/** Why it cannot be done here, or undefined when it can. */
export function obstacle({ plan, built, free }: Needs): string | undefined {
  const needed = (built ? 0 : BUILD_BYTES) + (plan.disk ?? 0);
  return free < needed
    ? `the disk is too full: free ${megabytes(needed - free)} more, then try again`
    : undefined;
}

/** Asks at the terminal; an empty answer is yes. */
export async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^(y|yes|)$/i.test((await terminal.question(`${question} [Y/n] `)).trim());
  } finally {
    terminal.close();
  }
}

function megabytes(bytes: number): string {
  return bytes >= 10e9 ? `${Math.floor(bytes / 1e9)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
