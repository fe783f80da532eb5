import { spawnSync } from 'node:child_process';
import { CommandError, run } from '../../image/run.ts';
import type { Steps } from '../../image/steps.ts';

export type Purpose =
  | 'image'
  | 'u-boot'
  | 'buildroot'
  | 'provision'
  | 'flash'
  | 'bundle'
  | 'qemu'
  | 'tests'
  | 'bench';

/** The Debian packages that each kind of work needs, beyond what every Debian machine has. */
const PACKAGES: Record<Purpose, readonly string[]> = {
  image: [
    'binutils-aarch64-linux-gnu',
    'ca-certificates',
    'cpio',
    'debian-archive-keyring',
    'dosfstools',
    'e2fsprogs',
    'genimage',
    'kmod',
    'mtools',
    'squashfs-tools',
    'systemd',
    'u-boot-qemu',
    'u-boot-tools',
    'xz-utils',
    'zstd',
  ],
  'u-boot': [
    'bc',
    'bison',
    'bzip2',
    'device-tree-compiler',
    'flex',
    'gcc',
    'gcc-aarch64-linux-gnu',
    'libc6-dev',
    'libssl-dev',
    'make',
    'patch',
    'python3-dev',
    'python3-pyelftools',
    'python3-setuptools',
    'swig',
  ],
  buildroot: [
    'bc',
    'bison',
    'build-essential',
    'cpio',
    'file',
    'flex',
    'git',
    'libssl-dev',
    'python3-flake8',
    'python3-magic',
    'rsync',
    'unzip',
    'wget',
  ],
  provision: ['e2fsprogs', 'mtools'],
  flash: ['xz-utils', 'zstd'],
  bundle: ['openssl', 'rauc', 'squashfs-tools'],
  qemu: ['openssh-client', 'qemu-system-arm', 'qemu-utils', 'u-boot-qemu'],
  tests: [
    'bmap-tools',
    'btrfs-progs',
    'chromium',
    'cryptsetup-bin',
    'curl',
    'dbus-daemon',
    'faketime',
    'fdisk',
    'git',
    'iproute2',
    'lvm2',
    'mawk',
    'mdadm',
    'netcat-openbsd',
    'nftables',
    'libwrap0',
    'openssh-client',
    'python3-kconfiglib',
    'python3-socks',
    'python3-websocket',
    'shellcheck',
    'socat',
    'strace',
    'tio',
    'systemd',
  ],
  bench: [
    'bmap-tools',
    'curl',
    'fdisk',
    'iperf3',
    'iproute2',
    'iputils-ping',
    'libwrap0',
    'microsocks',
    'nebula',
    'netcat-openbsd',
    'nftables',
    'openssh-client',
    'socat',
    'supervisor',
    'wireguard-go',
    'wireguard-tools',
  ],
};

/** Disk and download are unknown (undefined) when the machine's package lists do not name a package. */
export interface InstallPlan {
  /** What was asked for and is not there. Nothing has to be done when it is empty. */
  missing: string[];
  /** Bytes to fetch, and bytes taken on disk afterwards, dependencies included. */
  download: number | undefined;
  disk: number | undefined;
}

/** Packages of this machine's distribution could not be installed. */
export class PackagesError extends Error {
  override readonly name = 'PackagesError';
}

/** The names of all packages that these purposes need, sorted, each once. */
export function packagesFor(purposes: readonly Purpose[]): string[] {
  return [...new Set(purposes.flatMap((purpose) => PACKAGES[purpose]))].sort();
}

/** Finds out what is missing and what it would cost, without any right or change. */
export async function planInstall(purposes: readonly Purpose[]): Promise<InstallPlan> {
  const wanted = packagesFor(purposes);
  const missing = missingFrom(wanted, await installedPackages());
  if (missing.length === 0) return { missing, download: 0, disk: 0 };
  try {
    const uris = await run('apt-get', [
      ...APT_READ,
      '--print-uris',
      'install',
      '-y',
      ...APT_INSTALL,
      ...missing,
    ]);
    const simulated = await run('apt-get', [
      ...APT_READ,
      '--simulate',
      'install',
      ...APT_INSTALL,
      ...missing,
    ]);
    const names = namesToInstall(simulated.stdout);
    const shown = await run('apt-cache', ['show', '--no-all-versions', ...names]);
    return { missing, download: downloadSize(uris.stdout), disk: installedSize(shown.stdout) };
  } catch (error) {
    if (error instanceof CommandError && error.status === 100) {
      return { missing, download: undefined, disk: undefined };
    }
    throw error;
  }
}

/**
 * Installs what a plan says is missing. What is installed already is neither removed nor upgraded for its
 * own sake. Package lists are fetched only when they turn out to be missing or out of date.
 *
 * @throws StepError when it does not work
 */
export async function installPackages(plan: InstallPlan, steps: Steps): Promise<void> {
  if (plan.missing.length === 0) return;
  const asRoot = becomeRoot(plan.missing);
  const remedy = `Check /etc/apt/sources.list and the network, or install them yourself: ${byHand(plan.missing)}`;
  await steps.step('Install Debian packages', remedy, async (step) => {
    step.note(`${plan.missing.length} named`);
    const apt = (args: readonly string[]) => {
      const [command = 'apt-get', ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
      return run(command, [...rest, ...APT_WRITE, ...args], { log: step.log });
    };
    const install = ['install', '-y', '--no-remove', ...APT_INSTALL, ...plan.missing];
    if (plan.download === undefined) await apt(['update']);
    try {
      await apt(install);
    } catch (error) {
      if (plan.download === undefined || !(error instanceof CommandError)) throw error;
      step.note('package lists were out of date');
      await apt(['update']);
      await apt(install);
    }
  });
}

/** Which of the wanted packages a list of installed ones does not contain. */
export function missingFrom(wanted: readonly string[], installed: ReadonlySet<string>): string[] {
  return wanted.filter((name) => !installed.has(name));
}

/** The sum of the sizes in `apt-get --print-uris`: lines of `'URI' FILE BYTES HASH`. */
export function downloadSize(uris: string): number {
  return sum(uris.matchAll(/^'[^']+' \S+ (\d+)/gm));
}

/** The names in `apt-get --simulate`: lines of `Inst NAME (VERSION …)`, or `Inst NAME [OLD] (VERSION …)`. */
export function namesToInstall(simulated: string): string[] {
  return Array.from(simulated.matchAll(/^Inst (\S+)/gm), ([, name = '']) => name);
}

/** The bytes in the `Installed-Size` fields (KiB) of `apt-cache show`. */
export function installedSize(shown: string): number {
  return sum(shown.matchAll(/^Installed-Size: (\d+)/gm)) * 1024;
}

const APT_READ = ['-o', 'Debug::NoLocking=1'];
const APT_WRITE = ['-q', '-o', 'DPkg::Lock::Timeout=300'];
const APT_INSTALL = ['--no-install-recommends'];

async function installedPackages(): Promise<Set<string>> {
  let listed: string;
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are dpkg-query's
    const query = await run('dpkg-query', ['--show', '--showformat', '${db:Status-Status} ${Package}\\n']);
    listed = query.stdout;
  } catch (error) {
    if (!(error instanceof CommandError) || error.status !== null) throw error;
    throw new PackagesError(
      'This needs Debian 12 or 13 (or a system with its packages): dpkg-query is missing.',
      {
        cause: error,
      },
    );
  }
  return new Set(Array.from(listed.matchAll(/^installed (\S+)$/gm), ([, name = '']) => name));
}

/** What to put before a command so that root runs it. Asks for the password of sudo, on a terminal. */
function becomeRoot(missing: readonly string[]): string[] {
  if (process.getuid?.() === 0) return [];
  const interactive = process.stdin.isTTY && process.stdout.isTTY;
  const asked = spawnSync('sudo', interactive ? ['--validate'] : ['--non-interactive', 'true'], {
    stdio: 'inherit',
  });
  if (asked.status === 0) return ['sudo', '--non-interactive'];
  throw new PackagesError(`Debian packages are missing, and only root may install them: ${byHand(missing)}`);
}

function byHand(missing: readonly string[]): string {
  return `apt-get install --no-install-recommends ${missing.join(' ')}`;
}

function sum(matches: Iterable<RegExpExecArray>): number {
  let total = 0;
  for (const [, digits] of matches) total += Number(digits);
  return total;
}
