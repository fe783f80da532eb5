import type { Steps } from '../../image/steps.ts';
import { installPackages, type Purpose, planInstall } from './packages.ts';

const WITHOUT_BOARDS: readonly Purpose[] = ['tests', 'provision', 'flash', 'bundle'];
const OF_BOARDS: readonly Purpose[] = ['image', 'u-boot', 'qemu'];

/**
 * Installs what tests need: without it they are skipped, and show nothing.
 *
 * @param boards whether images and emulated boards are among what is tested
 */
export async function installForTests(steps: Steps, { boards }: { boards: boolean }): Promise<void> {
  const buildroot: Purpose[] = process.env.BUILDROOT_DIR ? ['buildroot'] : [];
  const purposes = [...WITHOUT_BOARDS, ...buildroot, ...(boards ? OF_BOARDS : [])];
  await installPackages(await planInstall(purposes), steps);
}
