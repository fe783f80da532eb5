import * as z from 'zod/mini';
import { type Path, type ReadDocument, readDocument } from './document.ts';
import { InvalidFile, MAX_PROBLEMS, type Problem } from './errors.ts';
import { problemsOf } from './problems.ts';

/** What a kind of file is like. */
export interface Format<Schema extends z.core.$ZodType> {
  /** Its `describe`d strict objects are what unknown keys are compared with, and what a JSON Schema is made of. */
  schema: Schema;
  /** Length at most. */
  maxBytes: number;
  /** The paths at which scalars are wanted as they are written, so that `8e3` stays `8e3`; none when left out. */
  isText?(path: Path): boolean;
  /** Another spelling of a word that is none of those allowed, to find what it was meant to be. */
  respell?(word: string): string;
  /**
   * What must hold between values. It is asked before the schema and whatever the values are, so that a wrong value
   * hides nothing.
   * @throws {TooMuch} to end reading here
   */
  check?(value: unknown): Iterable<Remark>;
}

/** Something wrong at a path. */
export interface Remark {
  path: Path;
  /** Said of the key there rather than of its value. */
  key?: boolean;
  message: string;
}

/** A file that is not worth reading on. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch';
  readonly path: Path;
  constructor(path: Path, message: string) {
    super(message);
    this.path = path;
  }
}

/** What came of reading a text. */
export interface Reading<T> {
  /** Undefined when the schema refuses it; `problems` then say why. */
  value: T | undefined;
  problems: Problem[];
  /** What the text says, whatever the schema says of that. */
  raw: unknown;
  /** For problems that are found later. */
  problemAt(remark: Remark): Problem;
}

/**
 * Reads a text.
 *
 * @param file names it in errors
 * @throws {InvalidFile} with everything that is wrong
 */
export function parseText<Schema extends z.core.$ZodType>(
  text: string,
  file: string,
  format: Format<Schema>,
): z.output<Schema> {
  const { value, problems } = read(text, file, format);
  if (value === undefined || problems.length > 0) throw new InvalidFile(problems);
  return value;
}

/**
 * Reads a text for somebody who has more to say of it.
 *
 * @throws {InvalidFile} when it is no YAML, or too much
 */
export function read<Schema extends z.core.$ZodType>(
  text: string,
  file: string,
  format: Format<Schema>,
): Reading<z.output<Schema>> {
  const { schema, maxBytes, isText = () => false, respell, check = () => [] } = format;
  if (text.length > maxBytes) throw InvalidFile.whole(file, `is larger than ${maxBytes} bytes`);
  const document = readDocument(text, file, isText);
  const problemAt = ({ path, key = false, message }: Remark) => {
    const position = key ? document.positionOfKey(path) : document.positionOf(path);
    return { file, ...position, message };
  };
  const between = remarks(() => check(document.value), document, file).map(problemAt);
  const result = z.safeParse(schema, document.value);
  const single = result.success ? [] : problemsOf(result.error.issues, { document, file, schema, respell });
  const problems = [...document.problems, ...single, ...between];
  return { value: result.data, problems, raw: document.value, problemAt };
}

function remarks(check: () => Iterable<Remark>, document: ReadDocument, file: string): Remark[] {
  try {
    return [...check()].slice(0, MAX_PROBLEMS);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    const { message, path } = error;
    throw new InvalidFile([{ file, ...document.positionOfKey(path), message }], { cause: error });
  }
}
