import { SystemdLauncher } from '../../../../services/viscript/launcher/systemd.ts';
import { compliance } from './compliance.ts';
import { isolation } from './isolation.ts';
import { Lab } from './lab.ts';
import { privileges } from './privileges.ts';

/**
 * The compliance suite as a program for a board, where there is no test framework: run as the user viscript with
 * viscript.service stopped. Prints a line a promise, `ok PROMISE` or `not ok PROMISE: REASON`; the arguments choose
 * promises of the suite by a part of their text, beside those of isolation and of privileges.
 */
const chosen = process.argv.slice(2);
const log = (line: string) => process.stderr.write(`${line}\n`);
let failed = 0;

const suite = compliance.filter(
  ({ promise }) => chosen.length === 0 || chosen.some((part) => promise.includes(part)),
);
for (const { promise, keep } of [...suite, ...isolation, ...privileges]) {
  try {
    await using lab = await Lab.with(async () => {
      const launcher = new SystemdLauncher({ log });
      await launcher.start();
      return launcher;
    });
    await keep(lab);
    process.stdout.write(`ok ${promise}\n`);
  } catch (error) {
    failed++;
    process.stdout.write(
      `not ok ${promise}: ${String(error instanceof Error ? error.stack : error).replaceAll('\n', ' ')}\n`,
    );
  }
}
process.stdout.write(`end ${failed}\n`);
process.exit(failed === 0 ? 0 : 1);
