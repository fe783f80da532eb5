import { chmod, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../error.ts';
import { writeFileMode } from '../files.ts';
import { run } from '../run.ts';
import type { Owned } from './extract.ts';
import { MASKED_GENERATORS, MASKED_UNITS } from './units.ts';

/** Modes and groups that maintainer scripts would have set: files that change identity for their caller. */
const GROUP_FILES = [
  { path: 'etc/shadow', mode: 0o640, group: 'shadow' },
  { path: 'etc/gshadow', mode: 0o640, group: 'shadow' },
  { path: 'usr/lib/dbus-1.0/dbus-daemon-launch-helper', mode: 0o4754, group: 'messagebus' },
];

/**
 * Does for a root what the maintainer scripts of its packages would have done, without running them: accounts,
 * PAM, name services, certificates, units. Needs no root, and runs nothing that is in the root.
 *
 * @param hostname the name a board has before its owner gives it one
 * @returns the files that belong to others than root
 */
export async function configureRoot(root: string, hostname: string, log: string): Promise<Owned[]> {
  await makeFolders(root);
  await makeAccounts(root, log);
  await makePam(root);
  await makeEtc(root, hostname);
  await makeCertificates(root);
  await makeUnits(root, log);
  return chooseOwners(root);
}

async function makeFolders(root: string): Promise<void> {
  const folders = [
    ...['boot', 'data', 'home', 'mnt', 'opt', 'srv', 'usr/local/bin', 'usr/local/lib', 'usr/local/sbin'],
    ...['usr/local/share', 'var/cache', 'var/lib', 'var/log', 'var/opt', 'var/spool', 'var/tmp'],
  ];
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  await chmod(join(root, 'var/tmp'), 0o1777);
  await link(root, 'var/run', '/run');
  await link(root, 'var/lock', '/run/lock');
  await link(root, 'usr/bin/awk', 'mawk');
}

/**
 * Debian's static accounts, then those of sysusers.d. Passwords are `*`: a `!` would lock logins by key too.
 *
 * @throws ImageError when a package brings an account to which no fixed number was given
 */
async function makeAccounts(root: string, log: string): Promise<void> {
  const master = join(root, 'usr/share/base-passwd');
  const passwd = await readFile(join(master, 'passwd.master'), 'utf8');
  await writeFileMode(join(root, 'etc/passwd'), passwd.replaceAll(/^([^:]+):[^:]*:/gm, '$1:x:'));
  await writeFileMode(join(root, 'etc/group'), await readFile(join(master, 'group.master'), 'utf8'));
  const fixed = await readFile(join(import.meta.dirname, 'accounts.conf'), 'utf8');
  await writeFileMode(join(root, 'usr/lib/sysusers.d/00-debian.conf'), fixed);
  await requireFixedNumbers(join(root, 'usr/lib/sysusers.d'));
  await run('systemd-sysusers', [`--root=${root}`], { log });

  const names = (await readFile(join(root, 'etc/passwd'), 'utf8')).split('\n').filter((line) => line !== '');
  // The day of the last change is left out: a password that is not there never expires.
  const shadow = names.map((line) => `${line.split(':', 1)[0] ?? ''}:*:::::::\n`);
  await rm(join(root, 'etc/shadow'), { force: true });
  await writeFileMode(join(root, 'etc/shadow'), shadow.join(''), 0o640);
  const groups = (await readFile(join(root, 'etc/group'), 'utf8')).split('\n').filter((line) => line !== '');
  await rm(join(root, 'etc/gshadow'), { force: true });
  await writeFileMode(
    join(root, 'etc/gshadow'),
    groups
      .map((line) => {
        const [name = '', , , members = ''] = line.split(':');
        return `${name}:*::${members}\n`;
      })
      .join(''),
    0o640,
  );
  for (const name of ['passwd-', 'group-', 'shadow-', 'gshadow-', '.pwd.lock']) {
    await rm(join(root, 'etc', name), { force: true });
  }
}

/**
 * Files on `data` outlive images, so an account's number must not depend on the order in which packages come.
 * It is also what makes old and new systemd-sysusers agree: old ones pass over the `u!` lines of packages.
 */
async function requireFixedNumbers(folder: string): Promise<void> {
  const fixed = new Set<string>();
  const floating = new Set<string>();
  for (const file of (await readdir(folder)).sort()) {
    const text = await readFile(join(folder, file), 'utf8');
    for (const [, name = '', id = ''] of text.matchAll(/^[ug]!?\s+(\S+)\s+(\S+)/gm)) {
      if (/^\d+(?::|$)/.test(id)) fixed.add(name);
      else floating.add(name);
    }
  }
  const missing = [...floating].filter((name) => !fixed.has(name));
  if (missing.length > 0) {
    throw new ImageError(
      `Give these accounts of packages fixed numbers in image/debian/accounts.conf: ${missing.join(', ')}.`,
    );
  }
}

async function makePam(root: string): Promise<void> {
  const stack = (type: string) =>
    `${type} [success=1 default=ignore] pam_unix.so\n${type} requisite pam_deny.so\n${type} required pam_permit.so\n`;
  const pam = join(root, 'etc/pam.d');
  for (const type of ['auth', 'account', 'password'])
    await writeFileMode(join(pam, `common-${type}`), stack(type));
  const session = 'session required pam_unix.so\n';
  await writeFileMode(join(pam, 'common-session-noninteractive'), session);
  await writeFileMode(join(pam, 'common-session'), `${session}session optional pam_systemd.so\n`);
}

async function makeEtc(root: string, hostname: string): Promise<void> {
  const files: Record<string, string> = {
    'etc/default/locale': 'LANG=C.UTF-8\n',
    'etc/environment': '',
    'etc/fstab': '',
    'etc/hostname': `${hostname}\n`,
    'etc/hosts': `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`,
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
    'etc/profile': await readFile(join(root, 'usr/share/base-files/profile'), 'utf8'),
    // systemd never lets the clock start before this file's time, which is the date of the image.
    'usr/lib/clock-epoch': '',
  };
  for (const [path, content] of Object.entries(files)) await writeFileMode(join(root, path), content);
  await link(root, 'etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf');
  await link(root, 'etc/localtime', '/usr/share/zoneinfo/UTC');
}

async function makeCertificates(root: string): Promise<void> {
  const authorities = join(root, 'usr/share/ca-certificates/mozilla');
  const names = (await readdir(authorities)).filter((name) => name.endsWith('.crt')).sort();
  const bundle = await Promise.all(names.map((name) => readFile(join(authorities, name), 'utf8')));
  await writeFileMode(join(root, 'etc/ssl/certs/ca-certificates.crt'), bundle.join(''));
}

async function makeUnits(root: string, log: string): Promise<void> {
  const systemctl = (args: readonly string[]) => run('systemctl', [`--root=${root}`, ...args], { log });
  const units = join(root, 'etc/systemd/system');
  await rm(units, { recursive: true, force: true });
  await mkdir(units, { recursive: true });
  await systemctl(['preset-all']);
  await link(root, 'etc/systemd/system/default.target', '/usr/lib/systemd/system/multi-user.target');
  for (const unit of MASKED_UNITS) await link(root, `etc/systemd/system/${unit}`, '/dev/null');
  await mkdir(join(root, 'etc/systemd/system-generators'), { recursive: true });
  for (const generator of MASKED_GENERATORS) {
    await link(root, `etc/systemd/system-generators/${generator}`, '/dev/null');
  }
}

async function chooseOwners(root: string): Promise<Owned[]> {
  const groups = new Map(
    (await readFile(join(root, 'etc/group'), 'utf8')).split('\n').map((line) => {
      const [name = '', , gid = ''] = line.split(':');
      return [name, Number(gid)];
    }),
  );
  const owned: Owned[] = [];
  for (const { path, mode, group } of GROUP_FILES) {
    const gid = groups.get(group);
    if (gid === undefined)
      throw new ImageError(`/${path} should belong to the group ${group}, which is missing.`);
    await chmod(join(root, path), mode);
    owned.push({ path, uid: 0, gid });
  }
  return owned;
}

async function link(root: string, path: string, target: string): Promise<void> {
  const place = join(root, path);
  await rm(place, { recursive: true, force: true });
  await symlink(target, place);
}
