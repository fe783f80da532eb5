import type { Decoder } from './decoders.ts';
import type { PowerTotals } from './power/campaign.ts';
import { sabotageReport } from './sabotage/report.ts';
import type { Fuzzed, MemoryFindings, SoakState } from './state.ts';
import { table } from './table.ts';

/** All that was found so far, as Markdown. */
export function soakReport(
  { fuzz, memory, power, sabotage }: SoakState,
  decoders: readonly Decoder[],
): string {
  return `# Soak

Campaigns that take too long for \`./scripts/test\`. Written by \`./scripts/soak --output docs/soak.md\`.

## Inputs of decoders

Each had so many random and damaged inputs, of which it may do nothing but read or refuse them.

${table(['Decoder', 'Test', 'Inputs', 'Failed'], [...decoders.map((each) => decoderRow(each, fuzz[each.name])), totalRow(decoders, fuzz)])}
## Memory at full rate

${memory === undefined ? 'Not measured yet.\n' : memoryText(memory)}
## Power cuts

${power === undefined ? 'Not tried yet.\n' : powerText(power)}
## Broken promises

${sabotageReport(Object.values(sabotage))}`;
}

function decoderRow({ name, file }: Decoder, { inputs, repeat }: Fuzzed = { inputs: 0 }): string[] {
  return [name, `\`${file}\``, count(inputs), repeat === undefined ? 'no' : `yes: \`${repeat}\``];
}

function totalRow(decoders: readonly Decoder[], fuzz: SoakState['fuzz']): string[] {
  const found = decoders.flatMap(({ name }) => fuzz[name] ?? []);
  const failed = found.filter(({ repeat }) => repeat !== undefined).length;
  return ['together', '', count(found.reduce((sum, { inputs }) => sum + inputs, 0)), String(failed)];
}

function memoryText({ day, minutes, bytes, idleStreams, processes }: MemoryFindings): string {
  const rows = processes.map(({ name, first, last, grows }) => [
    name,
    megabytes(first),
    megabytes(last),
    `${last < first ? '−' : '+'}${megabytes(Math.abs(last - first))} (${percent(last / first - 1)})`,
    grows ? '✗' : '✓',
  ]);
  const rate = bytes / 1e6 / (minutes * 60);
  return `On ${day}, three nodes in a line carried ${(bytes / 1e9).toFixed(1)} GB in ${minutes} min (${rate.toFixed(0)} MB/s) while
${count(idleStreams)} streams were idle: resident memory, median of the first and of the last third of that time. A process must
not grow by more than 15 % and 10 MB.

${table(['Process', 'First third', 'Last third', 'Grown by', ''], rows)}`;
}

function powerText({ day, recordings, cuts, boots, gone, lost }: PowerTotals): string {
  const losses =
    lost.length === 0 ? 'Nothing was lost.' : `Something was lost in ${count(lost.length)} of them:`;
  return `Up to ${day}, the power of a disk was cut ${count(cuts)} times in ${count(recordings)} recordings of everything that writes
on \`data\`; ${count(gone)} sectors that had not been flushed went with it, and ${count(boots)} boards
were booted with what it left. ${losses}
${lost.map((text) => `\n- ${text.replaceAll('\n', '\n  ')}\n`).join('')}`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function percent(share: number): string {
  return `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)} %`;
}
