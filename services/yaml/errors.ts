/** One thing that is wrong in a file. */
export interface Problem {
  file: string;
  /** From 1; 0 where the file as a whole is the problem (it is missing, or cannot be read). */
  line: number;
  /** From 1, in UTF-16 units; 0 where `line` is. */
  column: number;
  message: string;
}

/** Looking for problems ends here: a file with more of them is not meant as what it is read as. */
export const MAX_PROBLEMS = 1_000;

/** A person should see all that is wrong, but not a screen full for every line of a wrong file. */
const MAX_PROBLEMS_SHOWN = 50;

/**
 * A file that cannot be used. `problems` has everything that is wrong with it, in the order of the file;
 * `message` shows a line for each, as `file:line:column: text`.
 */
export class InvalidFile extends Error {
  override readonly name = 'InvalidFile';
  readonly problems: Problem[];

  constructor(problems: Problem[], options?: { cause?: unknown }) {
    const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const lines = sorted.slice(0, MAX_PROBLEMS_SHOWN).map(problemLine);
    if (sorted.length > lines.length) lines.push(`and ${sorted.length - lines.length} more problems`);
    super(lines.join('\n'), options);
    this.problems = sorted;
  }

  /** One problem of the file as a whole. */
  static whole(file: string, message: string, cause?: unknown): InvalidFile {
    return new InvalidFile([{ file, line: 0, column: 0, message }], { cause });
  }
}

function problemLine({ file, line, column, message }: Problem): string {
  return line === 0 ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`;
}
