import { drawChart } from './chart.ts';
import { BIN_MS } from './recording.ts';
import { CABLE_MEGABITS, CUTS, type Line, megabitsOf, stallsOf } from './timeline.ts';

/** The lines as an SVG document. */
export function timelinePicture(lines: readonly Line[]): string {
  return drawChart({
    title: 'One download over two ways, of which the one in use is cut three times',
    lines: lines.map((line) => ({
      name: line.name,
      megabits: megabitsOf(line),
      notes: stallsOf(line).map((ms) => `${(ms / 1_000).toFixed(2)} s stalled`),
    })),
    cuts: CUTS,
    cutMeans: `the way in use is cut for 4 s; every cable carries ${CABLE_MEGABITS} Mbit/s; stalled: the longest time for one megabyte`,
    binSeconds: BIN_MS / 1_000,
    top: CABLE_MEGABITS * 1.25,
    marks: [0, CABLE_MEGABITS / 2, CABLE_MEGABITS],
  });
}
