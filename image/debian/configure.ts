import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../error.ts';
import { writeFileMode } from '../files.ts';
import { addAccounts } from '../root/accounts.ts';
import { link, makeCommonEtc, makeFolders } from '../root/etc.ts';
import { chooseUnits } from '../root/units.ts';
import { run } from '../run.ts';
import type { Owned } from './extract.ts';

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
 * @returns the files that belong to others than root
 */
export async function configureRoot(root: string, log: string): Promise<Owned[]> {
  await makeFolders(root);
  await link(root, 'usr/bin/awk', 'mawk');
  await makeAccounts(root, log);
  await makePam(root);
  await makeEtc(root);
  await makeCertificates(root);
  await makeUnits(root, log);
  return chooseOwners(root);
}

/** Debian's static accounts, then those of sysusers.d. */
async function makeAccounts(root: string, log: string): Promise<void> {
  const master = join(root, 'usr/share/base-passwd');
  const passwd = await readFile(join(master, 'passwd.master'), 'utf8');
  await writeFileMode(join(root, 'etc/passwd'), passwd.replaceAll(/^([^:]+):[^:]*:/gm, '$1:x:'));
  await writeFileMode(join(root, 'etc/group'), await readFile(join(master, 'group.master'), 'utf8'));
  await addAccounts(root, log);
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

async function makeEtc(root: string): Promise<void> {
  await makeCommonEtc(root);
  await writeFileMode(
    join(root, 'etc/profile'),
    await readFile(join(root, 'usr/share/base-files/profile'), 'utf8'),
  );
}

async function makeCertificates(root: string): Promise<void> {
  const authorities = join(root, 'usr/share/ca-certificates/mozilla');
  const names = (await readdir(authorities)).filter((name) => name.endsWith('.crt')).sort();
  const bundle = await Promise.all(names.map((name) => readFile(join(authorities, name), 'utf8')));
  await writeFileMode(join(root, 'etc/ssl/certs/ca-certificates.crt'), bundle.join(''));
}

async function makeUnits(root: string, log: string): Promise<void> {
  const units = join(root, 'etc/systemd/system');
  await rm(units, { recursive: true, force: true });
  await mkdir(units, { recursive: true });
  await run('systemctl', [`--root=${root}`, 'preset-all'], { log });
  await chooseUnits(root);
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
