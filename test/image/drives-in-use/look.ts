/** `look.ts DEVICE…`: what `skyminer flash` thinks of each, a line of JSON: null where it may be written to. */
import { findDrive } from '../../../image/flash/drives/drive.ts';
import { ROOTS } from '../../../image/flash/drives/roots.ts';

for (const path of process.argv.slice(2)) {
  const { refusal } = await findDrive(path, { roots: ROOTS, isBig: false });
  process.stdout.write(`${JSON.stringify(refusal ?? null)}\n`);
}
