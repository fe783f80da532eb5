import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backupKeyPair, backupKeyText } from '../../../image/rack/backup-key.ts';
import { rackFiles } from '../../../image/rack/files.ts';
import { unlockBackups } from '../../../image/rack/unlock.ts';
import { Identity } from '../../../services/net/keys.ts';
import { dh, dhKeyPair } from '../../../services/net/noise/x25519.ts';
import { PASSPHRASE, RackShelf } from './a-rack.ts';

/** Of the seed 0707…07: HKDF-SHA-256 as OpenSSL computes it, and X25519 of what comes out. */
const EXPECTED = '12aaed891b1c4a61d293f64f2fa47a1703d60299596b9b4aa2d093cc4fbb8449';

let shelf: RackShelf;
beforeAll(async () => {
  shelf = await RackShelf.make();
}, 120_000);
afterAll(() => shelf.remove());

it("what is sealed to backup.pub can be opened with the rack's passphrase alone", async () => {
  const folder = await shelf.create(1);
  const sealer = dhKeyPair();
  const publicKey = Buffer.from((await readFile(rackFiles(folder).backupKey, 'utf8')).trim(), 'hex');
  const opener = await unlockBackups(folder, PASSPHRASE);
  expect(dh(opener, sealer.publicKey)).toEqual(dh(sealer, publicKey));
  await expect(unlockBackups(folder, 'another passphrase')).rejects.toThrow('does not open');
});

it('the key for backups stays the same for a rack, and is no other key of it', () => {
  const rack = Identity.fromSeed(Buffer.alloc(32, 7));
  expect(backupKeyText(rack)).toBe(EXPECTED);
  expect(dhKeyPair(Buffer.alloc(32, 7)).publicKey).not.toEqual(backupKeyPair(rack).publicKey);
  expect(backupKeyText(Identity.fromSeed(Buffer.alloc(32, 8)))).not.toBe(EXPECTED);
});
