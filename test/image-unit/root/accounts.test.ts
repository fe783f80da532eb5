import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addAccounts } from '../../../image/root/accounts.ts';

let root = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'skyminer-root-'));
  await mkdir(join(root, 'etc'));
  await mkdir(join(root, 'usr/lib/sysusers.d'), { recursive: true });
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\naudio:x:29:\n');
});

afterEach(() => rm(root, { recursive: true }));

const ask = (lines: string) => writeFile(join(root, 'usr/lib/sysusers.d/package.conf'), lines);
const made = (file: string) => readFile(join(root, 'etc', file), 'utf8');

describe('the accounts of a root', () => {
  it('get the numbers that are written down, and keep those that they have', async () => {
    await ask('g audio -\ng render -\nu! someone 960 "Somebody"\nu someone 960 "Somebody"\n');
    await addAccounts(root);
    expect(await made('group')).toMatch(/^audio:x:29:$/m);
    expect(await made('group')).toMatch(/^render:x:914:$/m);
    expect(await made('passwd')).toMatch(/^someone:x:960:960:Somebody:/m);
  });

  it('have no password, and are not locked', async () => {
    await ask('u someone 960\n');
    await addAccounts(root);
    expect(await made('shadow')).toBe('root:*:::::::\nsomeone:*:::::::\n');
    expect(await made('gshadow')).toMatch(/^someone:\*::$/m);
  });

  it('are refused by their names when nobody has given them a number', async () => {
    await ask('g adrift -\nu another -:root\n');
    await expect(addAccounts(root)).rejects.toThrow(/accounts\.conf: adrift, another\./);
  });
});
