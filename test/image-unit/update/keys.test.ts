import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../../image/run.ts';
import { makeUpdateKeys } from '../../../image/update/keys.ts';
import { temporaryFolder } from '../../services/viscript/support.ts';

const passphrase = 'correct horse battery';

it('makes an authority under a passphrase, and a key that may sign code and nothing else', async () => {
  await using place = await temporaryFolder();
  const folder = join(place.path, 'keys');
  const keys = await makeUpdateKeys({ folder, name: 'Grüne Ødegård', passphrase });
  expect((await readdir(folder)).sort()).toEqual([
    'authority.key',
    'authority.pem',
    'signer.key',
    'signer.pem',
  ]);
  expect(await readFile(keys.authorityKey, 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
  for (const file of [keys.authorityKey, keys.signerKey]) expect((await stat(file)).mode & 0o777).toBe(0o600);
  const authority = new X509Certificate(await readFile(keys.authority));
  const signer = new X509Certificate(await readFile(keys.signer));
  expect(authority.ca).toBe(true);
  expect(signer.ca).toBe(false);
  expect(signer.subject).toContain('Grüne Ødegård');
  expect(signer.keyUsage).toEqual(['1.3.6.1.5.5.7.3.3']);
  expect(signer.verify(authority.publicKey)).toBe(true);
});

it('makes an authority below another one, which is trusted where that one is', async () => {
  await using temporary = await temporaryFolder();
  const place = temporary.path;
  const upper = await makeUpdateKeys({ folder: join(place, 'upper'), name: 'upper', passphrase });
  const above = { folder: join(place, 'upper'), passphrase };
  const lower = await makeUpdateKeys({
    folder: join(place, 'lower'),
    name: 'lower',
    passphrase: 'another one',
    above,
  });
  await run('openssl', ['verify', '-CAfile', upper.authority, '-untrusted', lower.chain, lower.signer]);
  // It cannot make further authorities.
  const below = { folder: join(place, 'lower'), passphrase: 'another one' };
  const third = await makeUpdateKeys({
    folder: join(place, 'third'),
    name: 'third',
    passphrase,
    above: below,
  });
  const verify = ['verify', '-CAfile', upper.authority, '-untrusted', third.chain, third.signer];
  await expect(run('openssl', verify)).rejects.toThrow(/path length constraint exceeded/);
});

it('makes nothing with a wrong passphrase, over keys that are there, or for a name that is none', async () => {
  await using temporary = await temporaryFolder();
  const place = temporary.path;
  const folder = join(place, 'upper');
  await makeUpdateKeys({ folder, name: 'upper', passphrase });
  const above = { folder, passphrase: 'wrong horse' };
  const lower = { folder: join(place, 'lower'), name: 'lower', passphrase };
  await expect(makeUpdateKeys({ ...lower, above })).rejects.toThrow(/not the passphrase of the authority/);
  await expect(makeUpdateKeys({ folder, name: 'again', passphrase })).rejects.toThrow(
    /keys are never overwritten/,
  );
  await expect(makeUpdateKeys({ ...lower, name: 'a/CN=b' })).rejects.toThrow(/is no name for a signer/);
  expect(await readdir(place)).toEqual(['upper']);
});
