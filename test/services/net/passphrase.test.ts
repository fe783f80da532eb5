import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hashPassphrase,
  InvalidPassphraseHash,
  isPassphrase,
  parsePassphraseHash,
} from '../../../services/net/passphrase.ts';

/** The least that is accepted: these tests are about the format, not about guessing. */
const CHEAP = { N: 2 ** 14, r: 8, p: 1 };

describe('the hash of a passphrase', () => {
  it('knows its passphrase, however the keyboard composes the characters, and no other', async () => {
    const hash = parsePassphraseHash(await hashPassphrase('Zo\u00eb\u2019s board', CHEAP));
    expect(await isPassphrase(hash, 'Zoe\u0308\u2019s board')).toBe(true);
    for (const other of ['zoë’s board', 'Zoë’s board ', ''])
      expect(await isPassphrase(hash, other)).toBe(false);
  });

  it('is one line, never the same twice, and costs 64 MiB when nobody says otherwise', async () => {
    const lines = [await hashPassphrase('passphrase'), await hashPassphrase('passphrase')];
    for (const line of lines) expect(line).toMatch(/^scrypt 65536 8 2 [0-9a-f]{32} [0-9a-f]{64}\n$/);
    expect(lines[0]).not.toBe(lines[1]);
  });

  it('asks for no more memory than a board has, and for no less than a guess should cost', async () => {
    const line = await hashPassphrase('passphrase', CHEAP);
    for (const cost of [
      '1 8 1',
      '8192 8 1',
      '16385 8 1',
      '262144 8 1',
      '16384 9 1',
      '16384 8 0',
      '16384 8 5',
    ])
      expect(() => parsePassphraseHash(line.replace('16384 8 1', cost)), cost).toThrow(InvalidPassphraseHash);
  });

  it('is told from any other text', async () => {
    const line = await hashPassphrase('passphrase', CHEAP);
    const cut = fc.nat(line.length - 2).map((length) => line.slice(0, length));
    const longer = fc.string({ minLength: 1 }).map((more) => line + more);
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 500 }), cut, longer), (other) => {
        expect(() => parsePassphraseHash(other)).toThrow(InvalidPassphraseHash);
      }),
    );
  });
});
