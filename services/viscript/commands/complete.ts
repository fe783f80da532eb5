import type { Completion } from '../control/protocol.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { CompletionKind } from './command.ts';
import { commands, findCommand } from './table.ts';

/** What fits at the word being typed after these words. */
export function complete(words: readonly string[], word: string, supervisor: Supervisor): Completion {
  const [name, ...rest] = words;
  if (name === undefined)
    return {
      values: matching(
        commands.map((command) => command.name),
        word,
      ),
      files: false,
    };
  const command = findCommand(name);
  if (!command) return { values: [], files: false };
  const options = (command.options ?? []).flatMap(({ flag, long }) => (long ? [flag, long] : [flag]));
  if (word.startsWith('-')) return { values: matching([...options, '--json'], word), files: false };
  const position = rest.filter((given) => !given.startsWith('-')).length;
  const kinds = command.completes ?? [];
  const kind =
    position < kinds.length ? kinds[position] : position < command.arity[1] ? kinds.at(-1) : undefined;
  if (kind === undefined) return { values: [], files: false };
  return { values: matching(valuesOf(kind, supervisor), word), files: kind === 'file' };
}

function valuesOf(kind: CompletionKind, supervisor: Supervisor): string[] {
  const apps = [...supervisor.config.apps.keys()];
  switch (kind) {
    case 'app':
      return apps;
    case 'id':
      return supervisor.launches.map(({ id }) => String(id));
    case 'id or app':
      return [...supervisor.launches.map(({ id }) => String(id)), ...apps];
    case 'command':
      return [...commands.map(({ name }) => name), ...apps];
    case 'file':
      return [];
  }
}

function matching(values: string[], word: string): string[] {
  return values.filter((value) => value.startsWith(word));
}
