import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../error.ts';
import { writeFileMode } from '../files.ts';
import { run } from '../run.ts';

/**
 * Adds to a root's accounts those that its sysusers.d asks for, with numbers that never change. Passwords are `*`: a `!` would
 * lock logins by key too.
 *
 * @throws ImageError when something brings an account to which no fixed number was given
 */
export async function addAccounts(root: string, log?: string): Promise<void> {
  const fixed = await readFile(join(import.meta.dirname, 'accounts.conf'), 'utf8');
  await writeFileMode(join(root, 'usr/lib/sysusers.d/00-fixed.conf'), fixed);
  await requireFixedNumbers(root);
  await run('systemd-sysusers', [`--root=${root}`], log === undefined ? {} : { log });

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
 * Files on `data` outlive images, so an account's number must not depend on the order in which packages come: it is there
 * already, or one of the lines that ask for it says which. It is also what makes old and new systemd-sysusers agree: old ones pass
 * over the `u!` lines of packages.
 */
async function requireFixedNumbers(root: string): Promise<void> {
  const folder = join(root, 'usr/lib/sysusers.d');
  const fixed = new Set<string>();
  const floating = new Set<string>();
  for (const file of ['passwd', 'group']) {
    const text = await readFile(join(root, 'etc', file), 'utf8');
    for (const [, name = ''] of text.matchAll(/^([^:\n]+):/gm)) fixed.add(name);
  }
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
      `Give these accounts of packages fixed numbers in image/root/accounts.conf: ${missing.join(', ')}.`,
    );
  }
}
