import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { ProcessLauncher } from '../../../../services/viscript/launcher/process.ts';
import { compliance } from './compliance.ts';
import { Lab } from './lab.ts';

describe('the launcher of a laptop', () => {
  for (const { promise, keep } of compliance) {
    it(promise, async () => {
      await using lab = await Lab.with(async () => {
        const launcher = new ProcessLauncher(randomUUID());
        await launcher.start();
        return launcher;
      });
      await keep(lab);
    });
  }
});
