import { usageLine } from './arguments.ts';
import { type Command, CommandFailed } from './command.ts';
import { table } from './format.ts';

/** Commands about viscript itself. `all` is the whole table, for the help. */
export function generalCommands(all: () => readonly Command[]): readonly Command[] {
  return [
    {
      name: 'help',
      aliases: ['h', '?'],
      usage: '[COMMAND|APP]',
      arity: [0, 1],
      summary: 'list the commands, or tell about one of them or about an app',
      completes: ['command'],
      run({ supervisor, args, put }) {
        const [topic] = args;
        if (topic === undefined) {
          const commands = all().map(({ name, aliases, usage, summary }) => ({
            name,
            aliases,
            usage,
            summary,
          }));
          put(commands, overview(all()));
          return undefined;
        }
        const command = all().find(({ name, aliases }) => name === topic || aliases.includes(topic));
        const app = supervisor.config.apps.get(topic);
        if (command) put(helpData(command), commandHelp(command));
        else if (app) put(app, `${app.name} - ${app.desc}\n${app.help.trimEnd()}\n`);
        else
          throw new CommandFailed(`there is no command and no app '${topic}'; 'help' and 'apps' list them`);
        return undefined;
      },
    },
    {
      name: 'reload',
      aliases: [],
      usage: '',
      arity: [0, 0],
      summary: 'read the config file again and apply what changed; a bad file changes nothing',
      async run({ supervisor, put }) {
        const report = await supervisor.reload();
        const parts = Object.entries(report).flatMap(([verb, apps]) =>
          apps.length ? `${verb} ${apps.join(', ')}` : [],
        );
        put(report, `reloaded ${supervisor.config.file}: ${parts.join('; ') || 'nothing to restart'}\n`);
        return undefined;
      },
    },
    {
      name: 'version',
      aliases: [],
      usage: '',
      arity: [0, 0],
      summary: 'version of viscript',
      run({ machine, put }) {
        put(
          { version: machine.version, node: process.version },
          `viscript ${machine.version} (Node ${process.version})\n`,
        );
        return undefined;
      },
    },
    {
      name: 'clear',
      aliases: ['c', 'cls'],
      usage: '',
      arity: [0, 0],
      summary: 'clear the screen',
      run({ text, columns }) {
        if (columns > 0) text('\x1b[H\x1b[2J');
        return undefined;
      },
    },
    {
      name: 'quit',
      aliases: [],
      usage: '',
      arity: [0, 0],
      summary: "end every app and viscript itself ('exit' or Ctrl-D only leave the terminal)",
      help: 'On a board systemd starts viscript again, and with it the apps that start by themselves.',
      run({ quit, put }) {
        put({ quitting: true }, 'ending every app, then viscript\n');
        quit();
        return undefined;
      },
    },
  ];
}

function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => [
    [command.name, ...command.aliases].join(', '),
    command.usage,
    command.summary,
  ]);
  return `${table(['COMMAND', 'ARGUMENTS', ''], rows)}\nhelp COMMAND tells more; every command takes --json\n`;
}

function commandHelp(command: Command): string {
  const options = (command.options ?? []).map(
    ({ flag, long, value, help }) =>
      `  ${[flag, long].filter(Boolean).join(', ')}${value ? ` ${value}` : ''}  ${help}\n`,
  );
  const aliases = command.aliases.length > 0 ? `also: ${command.aliases.join(', ')}\n` : '';
  return `${command.name} - ${command.summary}\n${usageLine(command)}\n${aliases}${options.join('')}${command.help ? `${command.help}\n` : ''}`;
}

function helpData({ name, aliases, usage, summary, help, options }: Command) {
  return { name, aliases, usage, summary, help, options };
}
