import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { usageLine } from '../services/viscript/commands/arguments.ts';
import type { Command } from '../services/viscript/commands/command.ts';
import { commands } from '../services/viscript/commands/table.ts';

/** `npm run docs`: writes docs/commands.md from the table of commands, so that the two cannot differ. */
export const commandsDoc = join(import.meta.dirname, '..', 'docs', 'commands.md');

export function renderCommands(): string {
  return `# Commands of viscript

The same in every front end: the terminal, the serial console, SSH and the shell. Made from the table of commands by
\`npm run docs\`.

Every command takes \`--json\`: one line of JSON a result. Exit status: 0 done, 1 failed, 2 wrong usage, 3 no supervisor
runs. Words are split as a POSIX shell does it, with quotes and backslashes and without expansion.

${commands.map(section).join('\n')}`;
}

function section(command: Command): string {
  const { name, aliases, summary, help, options } = command;
  const also = aliases.length > 0 ? ` (${aliases.map((alias) => `\`${alias}\``).join(', ')})` : '';
  const list = (options ?? []).map(({ flag, long, value, help: text }) => {
    const spelling = [flag, long].filter(Boolean).join(', ');
    return `- \`${value ? `${spelling} ${value}` : spelling}\`: ${text}\n`;
  });
  return [
    `## ${name}${also}\n\n${summary}\n\n`,
    `    ${usageLine(command).replace('usage: ', '')}\n`,
    ...(list.length > 0 ? ['\n', ...list] : []),
    help ? `\n${help}\n` : '',
  ].join('');
}

if (import.meta.main) await writeFile(commandsDoc, renderCommands());
