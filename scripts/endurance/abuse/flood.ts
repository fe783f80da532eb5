/** Writes as fast as it is read for so many seconds, then says how much: flood.ts lines|endless|binary|escapes SECONDS */
import { writeSync } from 'node:fs';

const [what = '', seconds = ''] = process.argv.slice(2);
const patterns: Record<string, string> = {
  lines: 'a line like any other\n',
  endless: 'x',
  binary: '\xff\x00\x80\xfe\n\x01',
  escapes: '\x1b[2J\x1b[1;1H\x1b]0;title\x07',
};
const pattern = patterns[what] ?? '';
const piece = Buffer.from(pattern.repeat(Math.ceil(65_536 / pattern.length)), 'latin1');
const end = performance.now() + 1000 * Number(seconds);
let written = 0;
while (performance.now() < end) written += writeSync(1, piece);
writeSync(2, `\nwrote ${written} bytes\n`);
