import type { z } from 'zod/mini';
import type { Path, ReadDocument } from './document.ts';
import { MAX_PROBLEMS, type Problem } from './errors.ts';
import { knownKeys } from './keys.ts';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodIssue;

/** What a schema was asked about. */
export interface Asked {
  document: ReadDocument;
  file: string;
  schema: z.core.$ZodType;
  /** Another spelling of a word that is none of those allowed. */
  respell: ((word: string) => string) | undefined;
}

/** The schema's issues as sentences with a place in the file. */
export function problemsOf(issues: readonly Issue[], asked: Asked): Problem[] {
  const { document, file } = asked;
  const problems: Problem[] = [];
  for (const issue of issues) {
    for (const { path, key, message } of sentences(issue, asked)) {
      if (problems.length >= MAX_PROBLEMS) return problems;
      const position = key ? document.positionOfKey(path) : document.positionOf(path);
      problems.push({ file, ...position, message });
    }
  }
  return problems;
}

interface Sentence {
  path: Path;
  /** The key at `path` is wrong, not its value. */
  key: boolean;
  message: string;
}

function* sentences(issue: Issue, asked: Asked): Generator<Sentence> {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) yield unknownKey([...path, key], key, asked);
      return;
    case 'invalid_key':
      for (const inner of issue.issues)
        yield { path, key: true, message: `${nameOf(path)} ${inner.message}` };
      return;
    case 'invalid_union': {
      const inner = innerIssues(issue);
      if (inner.length === 0) break;
      for (const nested of inner)
        yield* sentences({ ...nested, path: [...issue.path, ...nested.path] }, asked);
      return;
    }
    default:
      break;
  }
  yield wrongValue(issue, path, asked);
}

function unknownKey(path: Path, key: string, { schema }: Asked): Sentence {
  const known = knownKeys(schema, path.slice(0, -1));
  const close = nearest(key, known);
  const remedy = close === undefined ? `known here: ${known.join(', ')}` : `did you mean ${close}?`;
  return { path, key: true, message: `unknown key ${JSON.stringify(shorten(key))}: ${remedy}` };
}

/** The issues of the branch that was meant: the one whose outer type fits, so that the fault lies further inside. */
function innerIssues(issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] {
  return (
    issue.errors.find((errors) =>
      errors.every((error) => error.path.length > 0 || error.code === 'custom'),
    ) ?? []
  );
}

function wrongValue(issue: Issue, path: Path, { document, schema, respell }: Asked): Sentence {
  const value = valueAt(document.value, path);
  if (value === undefined && path.length > 0) {
    const where = path.length === 1 ? 'the file' : nameOf(path.slice(0, -1));
    return { path, key: false, message: `${where} has no ${JSON.stringify(path.at(-1))}` };
  }
  const expectsMap = issue.code === 'invalid_type' && issue.expected === 'object';
  const rule = expectsMap
    ? `must be a map with keys of ${knownKeys(schema, path).join(', ')}`
    : issue.message;
  const close = issue.code === 'invalid_value' ? closest(value, issue.values, respell) : undefined;
  const hint = close === undefined ? '' : `; did you mean ${close}?`;
  return { path, key: false, message: `${nameOf(path)} ${rule}, not ${describe(value)}${hint}` };
}

function closest(value: unknown, allowed: readonly unknown[], respell: Asked['respell']): string | undefined {
  if (typeof value !== 'string') return undefined;
  const words = allowed.filter((word) => typeof word === 'string');
  return nearest(value, words) ?? (respell && nearest(respell(value), words));
}

function nameOf(path: Path): string {
  if (path.length === 0) return 'the file';
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step + 1}]` : `${index > 0 ? '.' : ''}${shorten(step)}`,
    )
    .join('');
}

function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? JSON.stringify(shorten(value)) : String(value);
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
