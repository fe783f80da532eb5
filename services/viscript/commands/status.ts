import { consoleLock, consoleLockLine } from '../console-lock.ts';
import { formatUptime } from '../control/greeting.ts';
import type { AppExit, AppHistory } from '../supervisor/exits.ts';
import type { Launch } from '../supervisor/launch.ts';
import { timeOf } from '../supervisor/moment.ts';
import { startOrder } from '../supervisor/order.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { temperaturesText } from '../temperatures.ts';
import type { Command, CommandContext } from './command.ts';
import { describe, describeExit, endOf, lastExitText, timestamp, whyEnded } from './describe.ts';
import { formatMilliseconds, printable, styled, table } from './format.ts';
import { slotsText } from './slots-text.ts';

/** The command that tells how everything is. */
export const statusCommand: Command = {
  name: 'status',
  aliases: [],
  usage: '[APP]',
  arity: [0, 1],
  summary: 'the board, the supervisor and every app at a glance, or one app with its last exits',
  help: 'An app that ended five times without a stable minute between is in a crash loop: it is tried again all the same, every minute in the end.',
  completes: ['app'],
  async run(context) {
    const [app] = context.args;
    if (app === undefined) await putOverview(context);
    else putApp(app, context);
    return undefined;
  },
};

async function putOverview({ supervisor, machine, color, put }: CommandContext): Promise<void> {
  const { version, host, slot, slotReason, lastEnd } = machine;
  const [troubles, slots, temperatures] = await Promise.all([
    machine.troubles(),
    machine.slots(),
    machine.temperatures(),
  ]);
  const serialConsole = consoleLock();
  const up = supervisor.upMs / 1000;
  put(
    {
      ...{ version, host, slot, slotReason, uptime: machine.uptime(), supervisorUptime: up },
      ...{ pid: process.pid, config: supervisor.config.file, lastEnd, slots, troubles, serialConsole },
      temperatures,
      autostart: startOrder(supervisor.config),
      apps: supervisor.launches.map((launch) => describe(launch, supervisor)),
      over: supervisor.over.map((launch) => describe(launch, supervisor)),
    },
    [
      `${host}  up ${formatUptime(machine.uptime())}${slot ? `  slot ${slot}` : ''}${slotReason ? ` (${slotReason})` : ''}\n`,
      `viscript ${version}  pid ${process.pid}  up ${formatUptime(up)}  config ${supervisor.config.file}\n`,
      lastEnd ? `started again at ${timestamp(lastEnd.time)}: ${lastEnd.reason}\n` : '',
      temperatures.length === 0 ? '' : printable(`temperature: ${temperaturesText(temperatures)}\n`),
      slots === undefined ? '' : printable(slotsText(slots)),
      consoleLockLine(serialConsole),
      ...troubles.map((trouble) => `trouble: ${trouble}\n`),
      '\n',
      appsTable(supervisor.launches, color),
      supervisor.over.length > 0 ? `\nover:\n${overTable(supervisor.over)}` : '',
    ].join(''),
  );
}

/** @throws {UnknownApp} */
function putApp(name: string, { supervisor, color, put }: CommandContext): void {
  const { desc } = supervisor.app(name);
  const history = supervisor.historyOf(name);
  const launches = launchesOf(name, supervisor);
  put(
    {
      app: name,
      launches: launches.map((launch) => describe(launch, supervisor)),
      restarts: history.restarts,
      exits: history.exits.map(describeExit),
    },
    [
      `${name} - ${desc}\n\n${appsTable(launches, color)}\n`,
      restartsText(history),
      history.exits.length > 0 ? `last exits:\n${exitsTable(history.exits)}` : 'it has not ended yet\n',
    ].join(''),
  );
}

function launchesOf(name: string, { launches }: Supervisor): Launch[] {
  return launches.filter(({ app }) => app.name === name);
}

function restartsText({ restarts }: AppHistory): string {
  const counts = Object.entries(restarts);
  const sum = counts.reduce((total, [, count]) => total + count, 0);
  if (sum === 0) return 'restarts: none\n';
  return `restarts: ${sum} (${counts.map(([kind, count]) => `${kind} ${count}`).join(', ')})\n`;
}

function exitsTable(exits: readonly AppExit[]): string {
  return table(
    ['WHEN', 'ID', 'RAN', 'HOW'],
    exits.map((exit) => [
      timestamp(timeOf(exit.moment)),
      String(exit.id),
      formatMilliseconds(exit.ranMs),
      printable(exit.reason === undefined ? whyEnded(exit) : `${exit.reason}: ${endOf(exit)}`),
    ]),
  );
}

function appsTable(launches: Launch[], color: boolean): string {
  if (launches.length === 0) return 'no app is running\n';
  const rows = launches.map((launch) => [
    String(launch.id),
    launch.app.name,
    launch.state,
    formatUptime(launch.upMs / 1000),
    String(launch.restarts),
    notes(launch),
  ]);
  return table(['ID', 'APP', 'STATE', 'UP', 'RESTARTS', ''], rows)
    .split('\n')
    .map((line) => paintState(line, color))
    .join('\n');
}

function paintState(line: string, color: boolean): string {
  return line
    .replace(/ ready /, (word) => styled(word, 'green', color))
    .replace(/ failing /, (word) => styled(word, 'red', color))
    .replace(/ (starting|stopping) /, (word) => styled(word, 'yellow', color));
}

function notes({ statusText, lastExit, retryInMs, failures, crashLoops }: Launch): string {
  const parts = [
    crashLoops ? `crash loop: it ended ${failures} times in a row` : '',
    printable(statusText),
    lastExit ? printable(`last: ${lastExitText(lastExit)}`) : '',
    retryInMs === undefined ? '' : `next try in ${formatMilliseconds(retryInMs)}`,
  ];
  return parts.filter(Boolean).join('; ');
}

function overTable(over: readonly Launch[]): string {
  return table(
    ['ID', 'APP', 'WHEN', 'HOW'],
    over.map(({ id, app, lastExit }) => [
      String(id),
      app.name,
      lastExit ? timestamp(timeOf(lastExit.moment)) : '-',
      lastExit ? printable(whyEnded(lastExit)) : 'never ran',
    ]),
  );
}
