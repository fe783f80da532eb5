/** A picture of a few lines over time, one below the other, and of the times in which something was cut. */
export interface Chart {
  title: string;
  lines: readonly ChartLine[];
  cuts: readonly { from: number; to: number }[];
  /** What a cut is, for the legend. */
  cutMeans: string;
  /** Seconds that a value stands for. */
  binSeconds: number;
  /** Mbit/s at the top of each line's field. What is more is shown as this much. */
  top: number;
  /** Mbit/s at which there is a line across. */
  marks: readonly number[];
}

export interface ChartLine {
  name: string;
  /** Mbit/s, one for each bin. */
  megabits: readonly number[];
  /** What is written at each cut. */
  notes: readonly string[];
}

const WIDTH = 900;
const LEFT = 74;
const RIGHT = 20;
const HEAD = 76;
const FOOT = 48;
/** Height of a line's field, and of what is above it. */
const FIELD = 96;
const ABOVE = 34;
const TICK_SECONDS = 5;

/**
 * Colours of the lines in light and in dark surroundings: told apart by those who do not tell red from green, and
 * named beside the lines anyway.
 */
const COLOURS = [
  ['#00795c', '#2fd6a3'],
  ['#b3500b', '#f2a35c'],
  ['#5548c8', '#a9a0ff'],
] as const;

const STYLE = `
  .page { fill: #ffffff } text { fill: #24292f; font: 13px system-ui, sans-serif }
  .title { font-size: 17px; font-weight: 600 } .name { font-weight: 600 } .quiet { fill: #57606a; font-size: 12px }
  .cut { fill: #d1242f; opacity: 0.13 } .note { fill: #b3202a; font-size: 12px; font-weight: 600 }
  .grid { stroke: #d0d7de } .axis { stroke: #8c959f } .line { stroke-width: 1.3; fill-opacity: 0.22 }
  ${COLOURS.map(([light], at) => `.c${at} { stroke: ${light}; fill: ${light} }`).join(' ')}
  @media (prefers-color-scheme: dark) {
    .page { fill: #12161c } text { fill: #e6edf3 } .quiet { fill: #9aa4af }
    .cut { fill: #ff6b6b; opacity: 0.2 } .note { fill: #ff9a94 }
    .grid { stroke: #2f363f } .axis { stroke: #6e7681 }
    ${COLOURS.map(([, dark], at) => `.c${at} { stroke: ${dark}; fill: ${dark} }`).join(' ')}
  }
`;

/** @returns an SVG document that is readable by itself, in light and in dark surroundings */
export function drawChart(chart: Chart): string {
  const height = HEAD + chart.lines.length * (ABOVE + FIELD) + FOOT;
  const seconds = Math.max(...chart.lines.map(({ megabits }) => megabits.length)) * chart.binSeconds;
  const x = (second: number) => round(LEFT + (second / seconds) * (WIDTH - LEFT - RIGHT));
  const fields = chart.lines.map((_, at) => HEAD + at * (ABOVE + FIELD) + ABOVE);
  const bottom = height - FOOT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(describe(chart))}">`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="title" x="${LEFT}" y="32">${escapeXml(chart.title)}</text>`,
    `<rect class="cut" x="${LEFT}" y="46" width="26" height="14"/>`,
    `<text class="quiet" x="${LEFT + 34}" y="57">${escapeXml(chart.cutMeans)}</text>`,
    ...chart.cuts.map(
      ({ from, to }) =>
        `<rect class="cut" x="${x(from)}" y="${HEAD}" width="${round(x(to) - x(from))}" height="${bottom - HEAD}"/>`,
    ),
    ...chart.lines.flatMap((line, at) => drawField(chart, line, at, fields[at] ?? 0, x)),
    ...ticks(seconds).map(
      (second) =>
        `<text class="quiet" x="${x(second)}" y="${bottom + 18}" text-anchor="middle">${second}</text>`,
    ),
    `<text x="${x(seconds / 2)}" y="${bottom + 38}" text-anchor="middle">seconds since the first byte</text>`,
    `<text x="20" y="${(HEAD + bottom) / 2}" text-anchor="middle" transform="rotate(-90 20 ${(HEAD + bottom) / 2})">Mbit/s at the receiver</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function drawField(
  { cuts, marks, top, binSeconds }: Chart,
  { name, megabits, notes }: ChartLine,
  at: number,
  above: number,
  x: (second: number) => number,
): string[] {
  const y = (value: number) => round(above + FIELD * (1 - Math.min(value, top) / top));
  const right = WIDTH - RIGHT;
  const steps = megabits.map((value, bin) => `V${y(value)}H${x((bin + 1) * binSeconds)}`).join('');
  return [
    ...marks.flatMap((mark) => [
      `<path class="${mark === 0 ? 'axis' : 'grid'}" d="M${LEFT} ${y(mark)}H${right}"/>`,
      `<text class="quiet" x="${LEFT - 8}" y="${y(mark) + 4}" text-anchor="end">${mark}</text>`,
    ]),
    `<path class="line c${at % COLOURS.length}" d="M${LEFT} ${y(0)}${steps}V${y(0)}"/>`,
    `<rect class="c${at % COLOURS.length}" x="${LEFT}" y="${above - 20}" width="12" height="10"/>`,
    `<text class="name" x="${LEFT + 18}" y="${above - 11}">${escapeXml(name)}</text>`,
    ...cuts.map(
      ({ from, to }, cut) =>
        `<text class="note" x="${x((from + to) / 2)}" y="${above - 11}" text-anchor="middle">${escapeXml(notes[cut] ?? '')}</text>`,
    ),
  ];
}

/** What the picture shows, for those who do not see it. */
function describe({ title, lines }: Chart): string {
  return `${title}. ${lines.map(({ name, notes }) => `${name}: ${notes.join(', ')}`).join('. ')}.`;
}

function ticks(seconds: number): number[] {
  return Array.from({ length: Math.floor(seconds / TICK_SECONDS) + 1 }, (_, at) => at * TICK_SECONDS);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
