import { LeftText } from './left-text.ts';

/**
 * The line being edited: text, cursor, kill buffer, undo. Knows nothing of keys or screens.
 *
 * Kept as two strings around the cursor, so that inserting costs the same in a line of a megabyte.
 * INVARIANT: the cursor never stands inside a grapheme; `left.length + right.length <= limit`.
 */
export class LineBuffer {
  readonly #left = new LeftText();
  #right = '';
  #killed = '';
  #undo: { left: string; right: string }[] = [];
  #lastEdit = '';
  #overflowed = false;
  readonly #limit: number;

  /** @param limit longest text kept, in UTF-16 units */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get left(): string {
    return this.#left.toString();
  }
  /** As much of `left` as can be seen, and how many UTF-16 units come before it. */
  get nearLeft(): { text: string; hidden: number } {
    return { text: this.#left.near, hidden: this.#left.hidden };
  }
  get right(): string {
    return this.#right;
  }
  get text(): string {
    return this.left + this.#right;
  }
  /** Something did not fit since the last `reset`: what is here is not what was typed. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** A new line; what was killed stays for yanking. */
  reset(text = ''): void {
    this.#left.set(text.slice(0, this.#limit));
    this.#right = '';
    this.#undo = [];
    this.#lastEdit = '';
    this.#overflowed = text.length > this.#limit;
  }

  /** Puts other text in place of all, with the cursor at its end or at `cursor`. */
  replace(text: string, cursor = text.length): void {
    this.#remember('replace');
    this.#left.set(text.slice(0, cursor));
    this.#right = text.slice(cursor);
  }

  /** False when it did not fit, wholly or in part. */
  insert(text: string): boolean {
    this.#remember('insert');
    const room = this.#limit - this.#left.length - this.#right.length;
    const fits = text.length <= room;
    this.#left.append(fits ? text : text.slice(0, room));
    if (!fits) this.#overflowed = true;
    return fits;
  }

  moveLeft(): void {
    this.#moveTo(this.#left.length - lastGrapheme(this.#left.near));
  }
  moveRight(): void {
    this.#moveTo(this.#left.length + firstGrapheme(this.#right));
  }
  moveHome(): void {
    this.#moveTo(0);
  }
  moveEnd(): void {
    this.#moveTo(this.#left.length + this.#right.length);
  }
  moveWordLeft(): void {
    this.#moveTo(startOfWord(this.left, isWordCharacter));
  }
  moveWordRight(): void {
    this.#moveTo(this.#left.length + endOfWord(this.#right));
  }

  deleteLeft(): void {
    this.#remember('delete');
    this.#left.truncate(this.#left.length - lastGrapheme(this.#left.near));
  }
  deleteRight(): void {
    this.#remember('delete');
    this.#right = this.#right.slice(firstGrapheme(this.#right));
  }

  killToEnd(): void {
    this.#kill(this.#left.length, this.text.length);
  }
  killToStart(): void {
    this.#kill(0, this.#left.length);
  }
  /** Back to the last blank, as Ctrl-W does. */
  killArgumentLeft(): void {
    this.#kill(startOfWord(this.left, isNotBlank), this.#left.length);
  }
  /** Back to the beginning of the word, as Alt-Backspace does. */
  killWordLeft(): void {
    this.#kill(startOfWord(this.left, isWordCharacter), this.#left.length);
  }
  killWordRight(): void {
    this.#kill(this.#left.length, this.#left.length + endOfWord(this.#right));
  }
  yank(): boolean {
    return this.insert(this.#killed);
  }

  /** Exchanges the two characters around the cursor; at the end of the line, the last two. */
  transpose(): void {
    if (this.#right === '') this.moveLeft();
    const before = lastGrapheme(this.#left.near);
    const after = firstGrapheme(this.#right);
    if (before === 0 || after === 0) {
      this.moveEnd();
      return;
    }
    this.#remember('transpose');
    const start = this.#left.length - before;
    const exchanged = this.left.slice(start);
    this.#left.truncate(start);
    this.#left.append(this.#right.slice(0, after) + exchanged);
    this.#right = this.#right.slice(after);
  }

  undo(): void {
    const earlier = this.#undo.pop();
    if (earlier === undefined) return;
    this.#left.set(earlier.left);
    this.#right = earlier.right;
    this.#lastEdit = '';
  }

  #moveTo(cursor: number): void {
    this.#lastEdit = '';
    if (cursor < this.#left.length) {
      this.#right = this.left.slice(cursor) + this.#right;
      this.#left.truncate(cursor);
    } else {
      const moved = cursor - this.#left.length;
      this.#left.append(this.#right.slice(0, moved));
      this.#right = this.#right.slice(moved);
    }
  }

  #kill(from: number, to: number): void {
    if (from === to) return;
    this.#remember('kill');
    const text = this.text;
    this.#killed = text.slice(from, to);
    this.#left.set(text.slice(0, from));
    this.#right = text.slice(to);
  }

  /** Edits of one kind in a row are undone together. */
  #remember(edit: string): void {
    if (edit === this.#lastEdit && (edit === 'insert' || edit === 'delete')) return;
    this.#lastEdit = edit;
    this.#undo.push({ left: this.left, right: this.#right });
    if (this.#undo.length > MAX_UNDO) this.#undo.shift();
  }
}

const MAX_UNDO = 100;
/** Far longer than any grapheme that people type; keeps the search for its border cheap. */
const GRAPHEME_WINDOW = 64;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function lastGrapheme(text: string): number {
  let length = 0;
  for (const { segment } of graphemes.segment(text.slice(-GRAPHEME_WINDOW))) length = segment.length;
  return length;
}

function firstGrapheme(text: string): number {
  for (const { segment } of graphemes.segment(text.slice(0, GRAPHEME_WINDOW))) return segment.length;
  return 0;
}

function startOfWord(text: string, belongs: (character: string) => boolean): number {
  let at = text.length;
  while (at > 0 && !belongs(characterBefore(text, at))) at -= characterBefore(text, at).length;
  while (at > 0 && belongs(characterBefore(text, at))) at -= characterBefore(text, at).length;
  return at;
}

function endOfWord(text: string): number {
  let at = 0;
  const here = () => String.fromCodePoint(text.codePointAt(at) ?? 0);
  while (at < text.length && !isWordCharacter(here())) at += here().length;
  while (at < text.length && isWordCharacter(here())) at += here().length;
  return at;
}

function characterBefore(text: string, at: number): string {
  const code = text.charCodeAt(at - 1);
  const isLowSurrogate = code >= 0xdc00 && code <= 0xdfff;
  return text.slice(isLowSurrogate ? at - 2 : at - 1, at);
}

function isWordCharacter(character: string): boolean {
  return /[\p{L}\p{M}\p{N}_]/u.test(character);
}

function isNotBlank(character: string): boolean {
  return character !== ' ' && character !== '\t';
}
