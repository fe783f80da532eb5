/** Writes so much, as fast as it is read or at most so much a second: flood.ts lines|endless|binary|escapes MEBIBYTES_PER_SECOND MEBIBYTES */
import { writeSync } from 'node:fs';

const MEBIBYTE = 1_048_576;
const [what = '', rate = '', total = ''] = process.argv.slice(2);
const patterns: Record<string, string> = {
  lines: 'y\n',
  endless: 'x',
  binary: '\xff\x00\x80\xfe\n\x01',
  escapes: '\x1b[2J\x1b[1;1H\x1b]0;title\x07',
};
const pattern = patterns[what] ?? 'y\n';
const chunk = Buffer.from(pattern.repeat(Math.ceil(65_536 / pattern.length)), 'latin1');
const start = performance.now();
let written = 0;
while (written < Number(total) * MEBIBYTE) {
  if (written > ((performance.now() - start) / 1000) * Number(rate) * MEBIBYTE) continue;
  written += writeSync(1, chunk);
}
writeSync(2, `wrote ${written} bytes\n`);
