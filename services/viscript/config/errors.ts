/** One thing that is wrong in a config file. */
export interface Problem {
  file: string;
  /** From 1; 0 where the file as a whole is the problem (it is missing, or cannot be read). */
  line: number;
  /** From 1, in UTF-16 units; 0 where `line` is. */
  column: number;
  message: string;
}

/** Looking for problems ends here: a file with more of them is not meant as a config. */
export const MAX_PROBLEMS = 1_000;

/** A person should see all that is wrong, but not a screen full for every line of a wrong file. */
const MAX_PROBLEMS_SHOWN = 50;

/**
 * A config file that cannot be used. `problems` has everything that is wrong with it, in the order of the file;
 * `message` shows a line for each, as `file:line:column: text`.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: Problem[];

  constructor(problems: Problem[], options?: { cause?: unknown }) {
    const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const lines = sorted.slice(0, MAX_PROBLEMS_SHOWN).map(problemLine);
    if (sorted.length > lines.length) lines.push(`and ${sorted.length - lines.length} more problems`);
    super(lines.join('\n'), options);
    this.problems = sorted;
  }
}

function problemLine({ file, line, column, message }: Problem): string {
  return line === 0 ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`;
}
