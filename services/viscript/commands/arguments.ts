import { type Command, type CommandOption, UsageError } from './command.ts';

export interface ParsedArguments {
  args: string[];
  options: Map<string, string | true>;
  json: boolean;
}

const everywhere: readonly CommandOption[] = [{ flag: '--json', help: 'one line of JSON a result' }];

/**
 * Splits the words after a command's name into options and arguments. `--` ends the options.
 * @throws {UsageError}
 */
export function parseArguments(command: Command, words: readonly string[]): ParsedArguments {
  const known = [...(command.options ?? []), ...everywhere];
  const args: string[] = [];
  const options = new Map<string, string | true>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const optionsOver = command.passesArguments === true && args.length > 0;
    if (word === '--' && !optionsOver) {
      args.push(...words.slice(at + 1));
      break;
    }
    if (optionsOver || !word.startsWith('-') || word === '-') {
      args.push(word);
      continue;
    }
    const [flag = word, inline] = splitInline(word);
    const option = known.find((candidate) => candidate.flag === flag || candidate.long === flag);
    if (!option) throw new UsageError(`${command.name}: there is no option ${flag}; ${usageLine(command)}`);
    const name = option.flag.replace(/^-+/, '');
    if (option.value === undefined) {
      if (inline !== undefined) throw new UsageError(`${command.name}: ${flag} takes no value`);
      options.set(name, true);
    } else {
      const value = inline ?? words[++at];
      if (value === undefined)
        throw new UsageError(`${command.name}: ${flag} needs a value: ${option.value}`);
      options.set(name, value);
    }
  }
  checkArity(command, args);
  const json = options.delete('json');
  return { args, options, json };
}

export function usageLine(command: Command): string {
  const options = (command.options ?? []).map(({ flag, value }) => `[${value ? `${flag} ${value}` : flag}]`);
  return `usage: ${[command.name, ...options, command.usage].filter(Boolean).join(' ')}`;
}

function splitInline(word: string): [string, string | undefined] {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1;
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function checkArity(command: Command, args: string[]): void {
  const [least, most] = command.arity;
  if (args.length < least)
    throw new UsageError(`${command.name}: something is missing; ${usageLine(command)}`);
  if (args.length > most) {
    throw new UsageError(`${command.name}: '${args[most]}' is too much; ${usageLine(command)}`);
  }
}
