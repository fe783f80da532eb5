import { inMemory } from '../supervisor/kept-log.ts';
import type { Launch } from '../supervisor/launch.ts';
import { LineRing } from '../supervisor/line-ring.ts';
import type { LogLine } from '../supervisor/log-line.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { type Command, type CommandContext, CommandFailed, UsageError } from './command.ts';
import { follow } from './follow.ts';
import { printable } from './format.ts';
import { Grep } from './grep.ts';
import { formatLogTime, parseLogTime } from './log-time.ts';

const defaultLines = 50;
const maxLines = 100_000;
/** Characters of one app that are shown at most: as much as is kept of it in files. */
const maxCharacters = 2_097_152;

export const logsCommand: Command = {
  name: 'logs',
  aliases: [],
  usage: '[ID|APP]',
  arity: [0, 1],
  summary: 'the last lines that an app wrote, or all of them did, by time and pattern',
  help: [
    'An ID stands for one launch, an APP for all of its launches, and neither for all apps. COUNT is of the lines that the',
    'other options leave. TIME is 2026-01-31, 2026-01-31T12:30 or 2026-01-31T12:30:00.5, in UTC unless Z or +01:00 follows,',
    'or how long ago: 90s, 10m, 2h, 1d12h. PATTERN is plain text or a regular expression of JavaScript; one that takes too',
    'long is given up.',
  ].join('\n'),
  options: [
    { flag: '-f', long: '--follow', help: 'go on with new lines until Ctrl-C' },
    { flag: '-n', long: '--lines', value: 'COUNT', help: `how many lines (${defaultLines})` },
    { flag: '--since', value: 'TIME', help: 'only lines from then on' },
    { flag: '--until', value: 'TIME', help: 'only lines up to then' },
    { flag: '--grep', value: 'PATTERN', help: 'only lines in which the pattern is found' },
  ],
  completes: ['id or app'],
  async run(context) {
    const { supervisor, options } = context;
    const wanted = parseOptions(options);
    const chosen = choose(context);
    const show = (line: LogLine) => context.put(line, lineText(line, chosen.apps.length !== 1));
    const showLast = async (pieces: AsyncIterable<LogLine[]>[]) => {
      for (const line of await lastLines(pieces, wanted)) {
        show(line);
        await context.drained();
      }
    };
    if (!options.has('f')) await showLast(chosen.kept());
    else {
      // In one turn with the beginning of what follows, so that no line is missed between the two and none comes twice.
      const past = inMemory(allLaunches(supervisor).filter(chosen.fits));
      await follow(
        {
          launches: supervisor.launches.filter(chosen.fits),
          before: () => showLast([piece(past)]),
          later: { supervisor, fits: chosen.fits },
          forever: context.args.length === 0,
          filter: (lines) => passing(lines, wanted),
          show,
        },
        context,
      );
    }
    return undefined;
  },
};

/** What lines are wanted. */
interface Wanted {
  count: number;
  /** Milliseconds since 1970. */
  since: number;
  until: number;
  grep: Grep | undefined;
}

/** Whose lines are wanted. */
interface Chosen {
  apps: string[];
  fits: (launch: Launch) => boolean;
  /** Their lines as they are kept, for each app apart. */
  kept(): AsyncIterable<LogLine[]>[];
}

function parseOptions(options: CommandContext['options']): Wanted {
  const value = (name: string) => {
    const given = options.get(name);
    return typeof given === 'string' ? given : undefined;
  };
  const now = Date.now();
  const [since, until, grep] = [value('since'), value('until'), value('grep')];
  if (until !== undefined && options.has('f'))
    throw new UsageError('logs: --until ends what -f goes on with; give one of them');
  return {
    count: lineCount(value('n')),
    since: since === undefined ? Number.NEGATIVE_INFINITY : parseLogTime('--since', since, now),
    until: until === undefined ? Number.POSITIVE_INFINITY : parseLogTime('--until', until, now),
    grep: grep === undefined ? undefined : new Grep(grep),
  };
}

function lineCount(value: string | undefined): number {
  if (value === undefined) return defaultLines;
  if (/^\d{1,6}$/.test(value) && Number(value) <= maxLines) return Number(value);
  throw new UsageError(`logs: -n needs a whole number up to ${maxLines}, not ${value}`);
}

/** @throws {CommandFailed} nothing is known of the launch @throws {UnknownApp} */
function choose({ supervisor, args }: CommandContext): Chosen {
  const [word] = args;
  if (word === undefined) return chooseApps([...supervisor.config.apps.keys()], supervisor);
  const launches = allLaunches(supervisor);
  if (!/^\d+$/.test(word)) {
    if (!launches.some(({ app }) => app.name === word)) supervisor.app(word);
    return chooseApps([word], supervisor);
  }
  const launch = launches.find(({ id }) => String(id) === word);
  if (launch === undefined) throw new CommandFailed(`no app with ID ${word} is running or has ended lately`);
  return {
    apps: [launch.app.name],
    fits: (other) => other === launch,
    kept: () => [piece(inMemory([launch]))],
  };
}

function chooseApps(apps: string[], supervisor: Supervisor): Chosen {
  return {
    apps,
    fits: ({ app }) => apps.includes(app.name),
    kept: () => apps.map((app) => supervisor.kept(app)),
  };
}

function allLaunches({ over, launches }: Supervisor): Launch[] {
  return [...over, ...launches];
}

async function* piece(lines: LogLine[]): AsyncGenerator<LogLine[]> {
  yield lines;
}

/** The last of the lines that are wanted, oldest first; one piece at a time is in memory beside them. */
async function lastLines(apps: AsyncIterable<LogLine[]>[], wanted: Wanted): Promise<LogLine[]> {
  const found: LogLine[] = [];
  for (const pieces of apps) {
    const last = new LineRing<LogLine>({ maxLines: wanted.count, maxCharacters });
    for await (const lines of pieces) for (const line of await passing(lines, wanted)) last.add(line);
    found.push(...last.last());
  }
  found.sort((a, b) => a.time - b.time);
  return found.slice(Math.max(0, found.length - wanted.count));
}

async function passing(lines: LogLine[], { since, until, grep }: Wanted): Promise<LogLine[]> {
  const timely = lines.filter(({ time }) => time >= since && time <= until);
  return grep === undefined ? timely : grep.filter(timely);
}

function lineText({ time, app, id, text }: LogLine, ofSeveral: boolean): string {
  return `${formatLogTime(time)} ${ofSeveral ? `${app}[${id}]: ` : ''}${printable(text)}\n`;
}
