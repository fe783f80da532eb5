import type { Launch } from '../supervisor/launch.ts';
import { attachTo } from './attach.ts';
import { type Command, type CommandContext, CommandFailed } from './command.ts';
import { describe, endOf, lastExitText } from './describe.ts';
import { formatMilliseconds, printable, table } from './format.ts';

/** Commands that start, list and end apps. */
export const appCommands: readonly Command[] = [
  {
    name: 'apps',
    aliases: [],
    usage: '',
    arity: [0, 0],
    summary: 'list the apps that can be started',
    run({ supervisor, put }) {
      const apps = [...supervisor.config.apps.values()];
      const lines = apps.map(({ name, desc }) => `${name} - ${desc}\n`);
      put(
        apps.map(({ name, desc, path, args, autostart }) => ({ name, desc, path, args, autostart })),
        `${lines.join('')}\nhelp NAME tells more about an app\n`,
      );
      return undefined;
    },
  },
  {
    name: 'start',
    aliases: ['s'],
    usage: 'APP [ARGUMENT…]',
    arity: [1, Number.POSITIVE_INFINITY],
    summary: 'start an app; arguments replace those of its entry',
    options: [{ flag: '-a', long: '--attach', help: 'show the output of the app' }],
    passesArguments: true,
    completes: ['app', 'file'],
    async run(context) {
      const { supervisor, args, options } = context;
      const [name = '', ...rest] = args;
      const launch = await supervisor.launch(name, rest);
      putAdded(context, launch);
      return options.has('a') ? attachTo(launch, context) : undefined;
    },
  },
  {
    name: 'restart',
    aliases: [],
    usage: 'ID',
    arity: [1, 1],
    summary: 'end an app and start it again with the same arguments',
    completes: ['id'],
    async run(context) {
      putAdded(context, await context.supervisor.restart(context.args[0] ?? ''));
      return undefined;
    },
  },
  {
    name: 'list_apps',
    aliases: ['la'],
    usage: '',
    arity: [0, 0],
    summary: 'list the apps that are running',
    options: [
      {
        flag: '-f',
        long: '--full',
        help: 'show the whole command, the state, the restarts and the last exit',
      },
    ],
    run({ supervisor, options, put }) {
      const launches = supervisor.launches;
      const text = options.has('f') ? fullList(launches) : shortList(launches);
      put(
        launches.map((launch) => describe(launch, supervisor)),
        launches.length === 0 ? "nothing is running; 'apps' lists what can be started\n" : text,
      );
      return undefined;
    },
  },
  {
    name: 'shutdown',
    aliases: ['sd'],
    usage: 'ID',
    arity: [1, 1],
    summary: 'end an app: its drain hook, then TERM, then KILL',
    completes: ['id'],
    async run({ supervisor, args, put, text }) {
      const launch = supervisor.get(args[0] ?? '');
      const { pid } = launch;
      text(`shutdown pid ${pid ?? '-'}\n`);
      const report = await launch.stop();
      put(
        { id: launch.id, app: launch.app.name, ...report },
        `${launch.app.name} (ID ${launch.id}) ${howItEnded(report.how, report.status)} after ${formatMilliseconds(report.tookMs)}\n`,
      );
      return undefined;
    },
  },
  {
    name: 'attach',
    aliases: [],
    usage: 'ID',
    arity: [1, 1],
    summary: 'show the output of an app and type to it; Ctrl-C leaves, the app goes on',
    completes: ['id'],
    run: (context) => attachTo(context.supervisor.get(context.args[0] ?? ''), context),
  },
];

function howItEnded(how: string, status: Parameters<typeof endOf>[0] | undefined): string {
  if (status === undefined) return 'was not running and will not be started again';
  const end = endOf(status);
  return how === 'drained' ? `drained and ${end}` : end;
}

/** Says that an app was started. @throws {CommandFailed} when it has ended already */
export function putAdded({ put }: CommandContext, launch: Launch): void {
  if (launch.state === 'exited')
    throw new CommandFailed(`${launch.app.name} ${endOf(launch.lastExit ?? unknownEnd)}`);
  put(
    { id: launch.id, app: launch.app.name, command: launch.command },
    `Added external app (ID: ${launch.id}, Command: ${launch.command})\n`,
  );
}

const unknownEnd = { code: null, signal: null, cause: 'lost' };

function shortList(launches: Launch[]): string {
  return launches.map(({ id, app }) => `[ ${id} ] -> [ ${app.path} ]\n`).join('');
}

function fullList(launches: Launch[]): string {
  return table(
    ['ID', 'APP', 'STATE', 'PID', 'RESTARTS', 'LAST EXIT', 'COMMAND'],
    launches.map((launch) => [
      String(launch.id),
      launch.app.name,
      launch.state,
      String(launch.pid ?? '-'),
      String(launch.restarts),
      launch.lastExit ? printable(lastExitText(launch.lastExit)) : '-',
      launch.command,
    ]),
  );
}
