/** Writes as fast as it can, or at most so many bytes a second: flood.ts lines|endless|binary|escapes MEBIBYTES_PER_SECOND SECONDS */
import { writeSync } from 'node:fs';

const [what = '', rate = '100', seconds = '3'] = process.argv.slice(2);
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
for (let elapsed = 0; elapsed < Number(seconds); elapsed = (performance.now() - start) / 1000) {
  if (written > elapsed * Number(rate) * 1_048_576) continue;
  written += writeSync(1, chunk);
}
writeSync(2, `wrote ${written} bytes\n`);
