import type { AbuseTotals } from './abuse/campaign.ts';
import type { Decoder } from './decoders.ts';
import type { SourceTrial } from './image-source.ts';
import type { LongTest } from './long-tests.ts';
import type { PowerTotals } from './power/campaign.ts';
import type { RebootTotals } from './reboots.ts';
import { sabotageReport } from './sabotage/report.ts';
import type { Fuzzed, MemoryFindings, SoakState } from './state.ts';
import { table } from './table.ts';
import type { UpdatePowerTotals } from './update-power/campaign.ts';

/** Between these stands what was found, in a document that has more to say. */
const [begins, ends] = ['<!-- soak begins -->', '<!-- soak ends -->'];

/** A document with the report in it: between its two marks, or in place of all where it has none. */
export function putReport(document: string, report: string): string {
  const [from, to] = [document.indexOf(begins), document.indexOf(ends)];
  if (from < 0 || to < from) return report;
  return `${document.slice(0, from)}${begins}\n\n${report}\n${document.slice(to)}`;
}

/** All that was found so far, as Markdown. */
export function soakReport(
  { fuzz, memory, abuse, power, updatePower, boards, reboots, sources, sabotage }: SoakState,
  decoders: readonly Decoder[],
): string {
  return `## Soak

Campaigns that take too long for \`./scripts/test\`: what all runs of \`./scripts/soak\` found together.

### Inputs of decoders

Each had so many random and damaged inputs, of which it may do nothing but read or refuse them.

${table(['Decoder', 'Test', 'Inputs', 'Failed'], [...decoders.map((each) => decoderRow(each, fuzz[each.name])), totalRow(decoders, fuzz)])}
### Memory at full rate

${memory === undefined ? 'Not measured yet.\n' : memoryText(memory)}
### Crashes, hangs and floods

${abuse === undefined ? 'Not tried yet.\n' : abuseText(abuse)}
### Power cuts

${power === undefined ? 'Not tried yet.\n' : powerText(power)}
### Power cuts of updates

${updatePower === undefined ? 'Not tried yet.\n' : updatePowerText(updatePower)}
### Boards at length

${longTestsText(Object.values(boards))}
### Images of both sources

${sourcesText(Object.entries(sources))}
### Reboots

${reboots === undefined ? 'Not tried yet.\n' : rebootsText(reboots)}
### Broken promises

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

function abuseText(totals: AbuseTotals): string {
  const { day, minutes, crashes, hangs, floods, flooded, knocks, kills, pings, slowest, resident, lost } =
    totals;
  return `Up to ${day}, in ${minutes.toFixed(0)} min: ${count(crashes)} crashes and ends of apps, ${count(hangs)} apps that hung,
${count(floods)} floods of ${(flooded / 1e9).toFixed(1)} GB together, ${count(knocks)} connections that spoke garbage, and viscript killed ${count(kills)}
times. After each, an app that had no part in it answered a ping (${count(pings)} pings, the slowest took ${slowest.toFixed(0)} ms), ran on as the same
process and had lost no line; viscript had ${megabytes(resident)} of memory at most. ${losses(lost)}`;
}

function powerText({ day, recordings, cuts, boots, gone, lost }: PowerTotals): string {
  return `Up to ${day}, the power of a disk was cut ${count(cuts)} times in ${count(recordings)} recordings of everything that writes
on \`data\`; ${count(gone)} sectors that had not been flushed went with it, and ${count(boots)} boards
were booted with what it left. ${losses(lost)}`;
}

function updatePowerText({ day, cuts, boots, torn, lost }: UpdatePowerTotals): string {
  return `On ${day}, the power was cut ${count(cuts)} times while a board updated itself, which left the slot torn ${count(torn)} times; ${count(boots)} boards
were booted with what there was. ${losses(lost)}`;
}

function longTestsText(tests: readonly LongTest[]): string {
  if (tests.length === 0) return 'Not tried yet.\n';
  const rows = tests.map(({ file, day, minutes, passed }) => [
    `\`${file}\``,
    day,
    minutes.toFixed(0),
    passed ? '✓' : '✗',
  ]);
  return `What runs with SKYMINER_LONG alone, the last time that it ran.\n\n${table(['Tests', 'Day', 'Minutes', 'Passed'], rows)}`;
}

function sourcesText(trials: readonly [string, SourceTrial][]): string {
  if (trials.length === 0) return 'Not tried yet.\n';
  const rows = trials.map(([source, { day, image, minutes, passed }]) => [
    source,
    `\`${image}\``,
    day,
    minutes.toFixed(0),
    passed ? '✓' : '✗',
  ]);
  return `All image tests on the image of a source: \`./scripts/soak --source\`.\n\n${table(['Source', 'Image', 'Day', 'Minutes', 'Passed'], rows)}`;
}

function rebootsText({ day, reboots, well }: RebootTotals): string {
  const counted = well
    ? 'none of them counted as a failure of its slot'
    : 'its slot did not stay as it was: see the log';
  return `On ${day}, a board was restarted ${count(reboots)} times in a row, every other time by its plug; ${counted}.\n`;
}

function losses(lost: readonly string[]): string {
  if (lost.length === 0) return 'Nothing was lost.\n';
  return `Something was lost, ${count(lost.length)} times:
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
