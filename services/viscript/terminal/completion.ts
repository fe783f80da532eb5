import { readdir, stat } from 'node:fs/promises';
import { type OpenWord, scanWords } from './words.ts';

/** Asks what the word being typed may become. `files`: names of files fit here too. */
export type Completer = (words: string[], word: string) => Promise<{ values: string[]; files?: boolean }>;

export interface Completion {
  /** What stands left of the cursor afterwards. */
  left: string;
  /** All that it may become, when it is not yet one. */
  choices: string[];
}

/** Completes the word at the end of `left` as far as it is certain; undefined when nothing fits. */
export async function completeLine(left: string, complete: Completer): Promise<Completion | undefined> {
  const { words, last, comment } = scanWords(left);
  if (comment) return undefined;
  const word = last ?? { text: '', start: left.length, open: '', openAt: left.length };
  const choices = await choicesFor(words, word.text, complete);
  const [first] = choices;
  if (first === undefined) return undefined;

  const before = left.slice(0, word.start);
  if (choices.length === 1) {
    const finished = !first.endsWith('/');
    return { left: before + spell(first, word.open, finished) + (finished ? ' ' : ''), choices: [] };
  }
  const common = commonStart(choices);
  const grown = common.length > word.text.length;
  return { left: grown ? before + spell(common, word.open, false) : left, choices };
}

/** Choices in columns, as many rows as needed. */
export function formatChoices(choices: string[], columns: number): string {
  const shown = choices.slice(0, MAX_SHOWN);
  const width = Math.max(...shown.map((choice) => choice.length)) + 2;
  const perRow = Math.max(1, Math.floor((columns - 1) / width));
  const rows: string[] = [];
  for (let at = 0; at < shown.length; at += perRow) {
    const row = shown.slice(at, at + perRow).map((choice) => choice.padEnd(width));
    rows.push(row.join('').trimEnd());
  }
  if (choices.length > shown.length) rows.push(`… and ${choices.length - shown.length} more`);
  return rows.join('\n');
}

/** Names of files that begin with `start`; folders end in a slash. A folder that cannot be read has none. */
export async function fileNames(start: string): Promise<string[]> {
  const folder = start.slice(0, start.lastIndexOf('/') + 1);
  const name = start.slice(folder.length);
  const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(() => []);
  const fitting = entries.filter(
    (entry) => entry.name.startsWith(name) && (name.startsWith('.') || !entry.name.startsWith('.')),
  );
  return Promise.all(
    fitting.slice(0, MAX_FILES).map(async (entry) => {
      const path = folder + entry.name;
      if (entry.isDirectory()) return `${path}/`;
      // A link that leads nowhere is completed like a file.
      const target = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : undefined;
      return target?.isDirectory() === true ? `${path}/` : path;
    }),
  );
}

const MAX_SHOWN = 200;
const MAX_FILES = 5000;

async function choicesFor(words: string[], word: string, complete: Completer): Promise<string[]> {
  const { values, files } = await complete(words, word);
  const all = files === true ? [...values, ...(await fileNames(word))] : values;
  // A name with control characters could not be shown, let alone typed.
  const fitting = all.filter((value) => value.startsWith(word) && !/\p{Cc}/u.test(value));
  return [...new Set(fitting)].sort();
}

function commonStart(choices: string[]): string {
  const [first = '', ...others] = choices;
  let start = [...first];
  for (const other of others) {
    const characters = [...other];
    const differs = start.findIndex((character, index) => character !== characters[index]);
    if (differs >= 0) start = start.slice(0, differs);
  }
  return start.join('');
}

/** A word, or its beginning, in the kind of quotes that its typist has begun. */
function spell(text: string, open: OpenWord['open'], finished: boolean): string {
  if (open === "'") return `'${text.replaceAll("'", "'\\''")}${finished ? "'" : ''}`;
  if (open === '"') return `"${text.replace(/[$`"\\]/g, '\\$&')}${finished ? '"' : ''}`;
  if (text === '' && finished) return "''";
  return text.replace(/[^\p{L}\p{M}\p{N}_@%+=:,./-]/gu, '\\$&');
}
