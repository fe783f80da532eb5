import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { part, UsageError } from './usage.ts';

/** What a command line may have: its arguments by their names, in order, and its options as `parseArgs` has them. */
export interface Form<
  Required extends string,
  Optional extends string,
  Options extends ParseArgsOptionsConfig,
> {
  required: readonly Required[];
  optional?: readonly Optional[];
  options: Options;
}

/** The values of options, as `parseArgs` types them. */
type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options }>
>['values'];

export interface Words<
  Required extends string,
  Optional extends string,
  Options extends ParseArgsOptionsConfig,
> {
  args: Record<Required, string> & Partial<Record<Optional, string>>;
  values: Values<Options>;
}

/** Splits a command line. @throws {UsageError} when it has not this form */
export function parseWords<
  const Required extends string,
  const Options extends ParseArgsOptionsConfig,
  const Optional extends string = never,
>(
  argv: readonly string[],
  { required, optional = [], options }: Form<Required, Optional, Options>,
): Words<Required, Optional, Options> {
  const { values, positionals } = part('', () =>
    parseArgs({ args: [...argv], allowPositionals: true, options }),
  );
  const names = [...required, ...optional];
  if (positionals.length < required.length || positionals.length > names.length)
    throw new UsageError(`${countsFrom(required.length, names.length)} expected, not ${positionals.length}`);
  const args = Object.fromEntries(positionals.map((word, index) => [names[index], word]));
  return { args, values } as Words<Required, Optional, Options>;
}

function countsFrom(least: number, most: number): string {
  const counts = Array.from({ length: most - least + 1 }, (_, index) => spelled(least + index));
  return `${counts.join(' or ')} ${most === 1 ? 'argument is' : 'arguments are'}`;
}

function spelled(count: number): string {
  return ['no', 'one', 'two', 'three', 'four', 'five'][count] ?? String(count);
}
