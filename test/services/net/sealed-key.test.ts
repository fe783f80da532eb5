import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../../services/net/keys.ts';
import {
  InvalidSealedKey,
  openSealedIdentity,
  sealIdentity,
  WrongPassphrase,
} from '../../../services/net/sealed-key.ts';

/** The least that is accepted: these tests are about the format, not about guessing. */
const CHEAP = 14;
const identity = Identity.generate();

describe('a key under a passphrase', () => {
  it('comes back with its passphrase, however the keyboard composes the characters', async () => {
    const text = await sealIdentity(identity, 'Zo\u00eb\u2019s rack', CHEAP);
    expect((await openSealedIdentity(text, 'Zoe\u0308\u2019s rack')).secretKey).toEqual(identity.secretKey);
  });

  it('costs 128 MiB of memory for a guess when nobody says otherwise', async () => {
    expect(await sealIdentity(identity, 'passphrase')).toContain('\nscrypt 131072 8 1 ');
  });

  it('is never sealed the same way twice, and never shows its secret', async () => {
    const texts = [
      await sealIdentity(identity, 'passphrase', CHEAP),
      await sealIdentity(identity, 'passphrase', CHEAP),
    ];
    expect(texts[0]?.split('\n').slice(2)).not.toEqual(texts[1]?.split('\n').slice(2));
    expect(texts.join()).not.toContain(identity.secretKey.toString('hex').slice(0, 64));
  });

  it('does not open with another passphrase', async () => {
    const text = await sealIdentity(identity, 'passphrase', CHEAP);
    await expect(openSealedIdentity(text, 'Passphrase')).rejects.toThrow(WrongPassphrase);
  });

  it('does not open when any line of it was altered', async () => {
    const text = await sealIdentity(identity, 'passphrase', CHEAP);
    for (const altered of alterations(text)) {
      expect(altered).not.toBe(text);
      await expect(openSealedIdentity(altered, 'passphrase')).rejects.toThrow(WrongPassphrase);
    }
  });

  it('asks for no more memory than 1 GiB, whatever its text says', async () => {
    const text = await sealIdentity(identity, 'passphrase', CHEAP);
    for (const cost of ['1', '8192', '16385', '2097152', '99999999'])
      await expect(openSealedIdentity(text.replace('16384', cost), 'passphrase')).rejects.toThrow(
        InvalidSealedKey,
      );
  });

  it('is told from any other text', async () => {
    const text = await sealIdentity(identity, 'passphrase', CHEAP);
    const cut = fc.nat(text.length - 1).map((length) => text.slice(0, length));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ maxLength: 2000 }), cut), async (other) => {
        await expect(openSealedIdentity(other, 'passphrase')).rejects.toThrow(InvalidSealedKey);
      }),
    );
  });
});

/** The text with one hex digit of each line that has some changed. */
function alterations(text: string): string[] {
  const lines = text.trimEnd().split('\n').slice(1);
  return lines.map((line) =>
    text.replace(
      line,
      line.replace(/[0-9a-f]$/, (digit) => (digit === '0' ? '1' : '0')),
    ),
  );
}
