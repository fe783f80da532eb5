import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { consoleLock, consoleLockLine } from '../../../services/viscript/console-lock.ts';
import { temporaryFolder } from './support.ts';

describe('the lock of the serial console', () => {
  it('is told by the file that holds the hash, and says nothing where there is no console', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'passphrase');
    expect(consoleLockLine(consoleLock(''))).toBe('');
    expect(consoleLockLine(consoleLock(file))).toMatch(/open/);
    await writeFile(file, '');
    expect(consoleLockLine(consoleLock(file))).toMatch(/asks for its passphrase/);
  });
});
