import { chmod, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileMode } from '../files.ts';

/** The name a board has before its owner gives it one. */
const HOSTNAME = 'skyminer';

/** Makes the folders that a board needs and no package brings. */
export async function makeFolders(root: string): Promise<void> {
  const folders = [
    ...['boot', 'data', 'home', 'mnt', 'opt', 'srv', 'usr/local/bin', 'usr/local/lib', 'usr/local/sbin'],
    ...['usr/local/share', 'var/cache', 'var/lib', 'var/log', 'var/opt', 'var/spool', 'var/tmp'],
  ];
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  await chmod(join(root, 'var/tmp'), 0o1777);
  await link(root, 'var/run', '/run');
  await link(root, 'var/lock', '/run/lock');
}

/** Writes the files of etc that are the same whatever a root is made of. */
export async function makeCommonEtc(root: string): Promise<void> {
  const files: Record<string, string> = {
    'etc/default/locale': 'LANG=C.UTF-8\n',
    'etc/environment': '',
    'etc/fstab': '',
    'etc/hostname': `${HOSTNAME}\n`,
    'etc/hosts': `127.0.0.1 localhost\n127.0.1.1 ${HOSTNAME}\n::1 localhost ip6-localhost ip6-loopback\n`,
    // Filled by the initramfs from data. An empty file is what a bind mount or a copy needs to be there.
    'etc/machine-id': '',
    'etc/nsswitch.conf': [
      'passwd: files systemd',
      'group: files systemd',
      'shadow: files',
      'hosts: files resolve [!UNAVAIL=return] dns',
      'networks: files',
      'protocols: files',
      'services: files',
      '',
    ].join('\n'),
    // systemd never lets the clock start before this file's time, which is the date of the image.
    'usr/lib/clock-epoch': '',
  };
  for (const [path, content] of Object.entries(files)) await writeFileMode(join(root, path), content);
  await link(root, 'etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf');
  await link(root, 'etc/localtime', '/usr/share/zoneinfo/UTC');
}

/** Puts a link into a root, in place of whatever is there, and makes the folders above it. */
export async function link(root: string, path: string, target: string): Promise<void> {
  const place = join(root, path);
  await rm(place, { recursive: true, force: true });
  await mkdir(dirname(place), { recursive: true });
  await symlink(target, place);
}
