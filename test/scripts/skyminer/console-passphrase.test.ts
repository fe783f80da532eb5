import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isPassphrase, parsePassphraseHash } from '../../../services/net/passphrase.ts';
import { temporaryFolder } from '../../services/viscript/support.ts';

const main = join(import.meta.dirname, '../../../scripts/skyminer/main.ts');

async function passphrase(text: string) {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'passphrase');
  await writeFile(file, `${text}\n`, { mode: 0o600 });
  const words = [main, 'passphrase', '--passphrase-file', file];
  return spawnSync(process.execPath, words, { encoding: 'utf8', input: '' });
}

describe('skyminer passphrase', () => {
  it('prints a line that knows the passphrase and does not show it', async () => {
    const { status, stdout, stderr } = await passphrase('correct horse battery');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).not.toContain('horse');
    expect(await isPassphrase(parsePassphraseHash(stdout), 'correct horse battery')).toBe(true);
  });

  it('refuses one that is soon guessed', async () => {
    const { status, stdout, stderr } = await passphrase('short');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/at least 8 characters/);
  });

  it('takes none from its arguments', () => {
    const { status, stdout } = spawnSync(process.execPath, [main, 'passphrase', 'correct horse battery'], {
      encoding: 'utf8',
      input: '',
    });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});
