import { setMaxListeners } from 'node:events';
import { InvalidFile } from '../../yaml/errors.ts';
import { exitStatus } from '../control/protocol.ts';
import { appCommands } from './apps.ts';
import { parseArguments } from './arguments.ts';
import { backupCommand } from './backup.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { jsonLine, printable } from './format.ts';
import { generalCommands } from './general.ts';
import { logsCommand } from './logs.ts';
import { meshCommands } from './mesh.ts';
import { statusCommand } from './status.ts';
import { supportCommand } from './support.ts';
import { updateCommands } from './update.ts';
import { watchCommands } from './watch.ts';

/** Every command of viscript, the same for all front ends. */
export const commands: readonly Command[] = [
  ...appCommands,
  ...watchCommands,
  logsCommand,
  supportCommand,
  backupCommand,
  statusCommand,
  ...meshCommands,
  ...updateCommands,
  ...generalCommands(() => commands),
];

/** What a run needs besides the words: everything of the context that parsing does not give. */
export type RunSurroundings = Omit<CommandContext, 'args' | 'options' | 'put' | 'text'> & {
  write(stream: 'stdout' | 'stderr', text: string): void;
};

export function findCommand(name: string): Command | undefined {
  return commands.find((command) => command.name === name || command.aliases.includes(name));
}

/** Runs one command line that was split into words. Every error becomes a message and a status, none is thrown. */
export async function runCommand(argv: readonly string[], surroundings: RunSurroundings): Promise<number> {
  const { write } = surroundings;
  const [name = '', ...words] = argv;
  let { json } = surroundings;
  setMaxListeners(0, surroundings.signal);
  try {
    const command = findCommand(name);
    if (!command) throw new UsageError(`there is no command '${name}'; 'help' lists them`);
    const parsed = parseArguments(command, words);
    json ||= parsed.json;
    const status = await command.run({
      ...surroundings,
      args: parsed.args,
      options: parsed.options,
      json,
      put: (data, text) => write('stdout', json ? jsonLine(data) : text),
      text: (text) => {
        if (!json) write('stdout', text);
      },
    });
    return status ?? exitStatus.done;
  } catch (error) {
    const status = error instanceof UsageError ? exitStatus.usage : exitStatus.failed;
    // What apps and other nodes answer stands in messages too.
    write(
      'stderr',
      json ? jsonLine({ error: errorData(error), status }) : `${printable(messageOf(error))}\n`,
    );
    return status;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function errorData(error: unknown) {
  if (error instanceof InvalidFile)
    return { name: error.name, message: error.message, problems: error.problems };
  return { name: error instanceof Error ? error.name : 'Error', message: messageOf(error) };
}
