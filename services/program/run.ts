import { UsageError } from './usage.ts';

export interface Program<Options> {
  name: string;
  /** What it says when it is asked for help. The first paragraph is its form, or its forms, one a line. */
  help: string;
  /** @throws {UsageError} */
  parse(argv: readonly string[]): Options;
  /** Returns when the program runs; what it then has open keeps it alive. */
  run(options: Options): Promise<void>;
}

/**
 * Runs a program by its command line. What it throws is told on standard error, and ends the process: with status 2
 * when the command line was wrong, with 1 when all else was.
 */
export async function runProgram<Options>({ name, help, parse, run }: Program<Options>): Promise<void> {
  const argv = process.argv.slice(2);
  if (asksForHelp(argv)) {
    process.stdout.write(help);
    return;
  }
  try {
    await run(parse(argv));
  } catch (error) {
    const wrong = error instanceof UsageError;
    const advice = wrong ? `; give ${formsOf(help)}, and see --help` : '';
    console.error(`${name}: ${error instanceof Error ? error.message : error}${advice}`);
    process.exit(wrong ? 2 : 1);
  }
}

/** Help is given also when the rest of the command line is wrong: that is when it is needed. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  return words.includes('--help') || words.includes('-h');
}

function formsOf(help: string): string {
  const [forms = ''] = help.split('\n\n', 1);
  return forms.split('\n').join(', or ');
}
