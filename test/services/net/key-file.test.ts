import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { identityIn, KeyFileError, readIdentity, writeIdentity } from '../../../services/net/key-file.ts';
import { Identity } from '../../../services/net/keys.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'key-'));
  file = join(folder, 'below', 'identity.key');
});

afterEach(() => rm(folder, { recursive: true }));

it('makes an identity once, for its owner alone, and then reads it', async () => {
  const { publicKey } = await identityIn(file);
  expect((await identityIn(file)).publicKey).toBe(publicKey);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'below'))).mode & 0o777).toBe(0o700);
  expect(await readFile(file, 'utf8')).toMatch(/^[0-9a-f]{128}\n$/);
});

it('gives all who make one at the same time the same one, and leaves nothing else behind', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => identityIn(file)));
  expect(new Set(all.map(({ publicKey }) => publicKey)).size).toBe(1);
  expect(await readdir(join(folder, 'below'))).toEqual(['identity.key']);
});

it('never writes over a key', async () => {
  const { publicKey } = await identityIn(file);
  expect(await writeIdentity(file, Identity.generate())).toBe(false);
  expect((await readIdentity(file))?.publicKey).toBe(publicKey);
});

it('knows when there is none', async () => {
  expect(await readIdentity(file)).toBeUndefined();
});

it.each([0o640, 0o604, 0o620])('refuses a key that others may touch: mode %o', async (mode) => {
  await identityIn(file);
  await chmod(file, mode);
  await expect(identityIn(file)).rejects.toThrow(/others may read this secret key; .*chmod 600/);
});

it.each(['', 'key\n', 'ab'.repeat(63), 'ab'.repeat(64), 'ab'.repeat(4096)])(
  'refuses a file with something else in it, and leaves it alone: %j',
  async (text) => {
    await mkdir(join(folder, 'below'));
    await writeFile(file, text, { mode: 0o600 });
    await expect(identityIn(file)).rejects.toThrow(KeyFileError);
    expect(await readFile(file, 'utf8')).toBe(text);
  },
);

it('follows no symbolic link and reads no folder', async () => {
  await mkdir(file, { recursive: true });
  await expect(readIdentity(file)).rejects.toThrow(/not a file/);
  await identityIn(join(folder, 'real'));
  await symlink(join(folder, 'real'), join(folder, 'link'));
  await expect(readIdentity(join(folder, 'link'))).rejects.toThrow(KeyFileError);
});

it('takes a key that systemd has handed over, whose mode is that of its access control list', async () => {
  const { publicKey } = await identityIn(file);
  await chmod(file, 0o440);
  vi.stubEnv('CREDENTIALS_DIRECTORY', join(folder, 'below'));
  try {
    expect((await readIdentity(file))?.publicKey).toBe(publicKey);
  } finally {
    vi.unstubAllEnvs();
  }
  await expect(readIdentity(file)).rejects.toThrow(/others may read/);
});
