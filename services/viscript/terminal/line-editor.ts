import { type Completer, completeLine, formatChoices } from './completion.ts';
import type { History } from './history.ts';
import { HistorySearch } from './history-search.ts';
import type { InputEnd, KeyQueue } from './key-queue.ts';
import type { Key } from './keys.ts';
import { LineBuffer } from './line-buffer.ts';
import type { EditedLine, Screen } from './screen.ts';

/** How reading a line ended. `too-long`: it was ended with Enter and is longer than may be; `stopped`: by the caller. */
export type LineResult =
  | { kind: 'line'; text: string }
  | { kind: 'too-long' | 'interrupt' | 'stopped' | InputEnd };

export interface ReadOptions {
  prompt: () => string;
  /** Completion and history; without it, keys only edit (input for a running program). */
  commands: boolean;
  signal?: AbortSignal;
}

export interface LineEditorOptions {
  keys: KeyQueue;
  screen: Screen;
  history: History;
  complete: Completer;
  columns: () => number;
  /** Longest line, in UTF-16 units. */
  maxLine: number;
}

/** Reads lines: turns keys into changes of the buffer and shows them. */
export class LineEditor {
  readonly #o: LineEditorOptions;
  readonly #buffer: LineBuffer;
  #read: ReadOptions = { prompt: () => '', commands: false };
  #search: HistorySearch | undefined;
  /** Which history entry is shown, and the line that was typed before going there. */
  #historyIndex = 0;
  #draft = '';
  #warned = false;

  constructor(options: LineEditorOptions) {
    this.#o = options;
    this.#buffer = new LineBuffer(options.maxLine);
  }

  /** Reads one line. What was typed when a reading is stopped begins the next one. */
  async readLine(options: ReadOptions): Promise<LineResult> {
    const { keys, screen, history } = this.#o;
    this.#read = options;
    this.#historyIndex = history.entries.length;
    for (;;) {
      if (keys.isEmpty) {
        this.#warnOfOverflow();
        await screen.draw(this.#line());
      }
      const key = await keys.next(options.signal);
      if (key === undefined) return this.#stop();
      const result = typeof key === 'string' ? await this.#end(key) : await this.#take(key);
      if (result !== undefined) return result;
    }
  }

  #line(): EditedLine {
    const search = this.#search;
    if (search !== undefined) {
      const match = search.match ?? this.#buffer.text;
      const at = search.match === undefined ? match.length : search.cursor;
      return { prompt: () => search.prompt, left: match.slice(0, at), right: match.slice(at) };
    }
    const { text, hidden } = this.#buffer.nearLeft;
    return { prompt: this.#read.prompt, left: text, right: this.#buffer.right, hidden };
  }

  async #take(key: Key): Promise<LineResult | undefined> {
    if (this.#search !== undefined && this.#takeInSearch(key, this.#search)) return undefined;
    if (key.kind === 'text') {
      if (!this.#buffer.insert(key.text)) this.#o.screen.ring();
      return undefined;
    }
    switch (key.name) {
      case 'enter':
        return this.#enter();
      case 'ctrl-c':
        await this.#o.screen.endLine(this.#line(), '^C');
        return this.#finish({ kind: 'interrupt' });
      case 'ctrl-d':
        if (this.#buffer.text === '') return this.#end('eof');
        this.#buffer.deleteRight();
        return undefined;
      case 'ctrl-l':
        await this.#o.screen.clear(this.#line());
        return undefined;
      case 'tab':
        if (this.#read.commands) await this.#complete();
        else this.#buffer.insert('\t');
        return undefined;
    }
    const history = this.#read.commands ? HISTORY_KEYS[key.name] : undefined;
    const edit = EDIT_KEYS[key.name];
    if (history !== undefined) this.#browse(history);
    else if (edit !== undefined) edit(this.#buffer);
    else this.#o.screen.ring();
    return undefined;
  }

  async #enter(): Promise<LineResult> {
    await this.#o.screen.endLine(this.#line());
    if (this.#buffer.overflowed) return this.#finish({ kind: 'too-long' });
    return this.#finish({ kind: 'line', text: this.#buffer.text });
  }

  async #end(end: InputEnd): Promise<LineResult> {
    if (end === 'eof') await this.#o.screen.endLine(this.#line());
    return this.#finish({ kind: end });
  }

  #stop(): LineResult {
    this.#o.screen.hide();
    return { kind: 'stopped' };
  }

  #finish(result: LineResult): LineResult {
    this.#buffer.reset();
    this.#search = undefined;
    return result;
  }

  #browse(where: 'older' | 'newer' | 'oldest' | 'draft' | 'search' | 'last-word'): void {
    const { entries } = this.#o.history;
    const steps = {
      older: this.#historyIndex - 1,
      newer: this.#historyIndex + 1,
      oldest: 0,
      draft: entries.length,
    };
    if (where === 'search') this.#search = new HistorySearch(entries);
    else if (where === 'last-word') this.#buffer.insert(entries.at(-1)?.match(/\S+$/)?.[0] ?? '');
    else this.#show(steps[where]);
  }

  #show(index: number): void {
    const { entries } = this.#o.history;
    if (index < 0 || index > entries.length || index === this.#historyIndex) {
      this.#o.screen.ring();
      return;
    }
    if (this.#historyIndex === entries.length) this.#draft = this.#buffer.text;
    this.#historyIndex = index;
    this.#buffer.replace(entries[index] ?? this.#draft);
  }

  /** Whether the search took the key; any other ends it with what was found and then does its work. */
  #takeInSearch(key: Key, search: HistorySearch): boolean {
    if (key.kind === 'text') search.type(key.text);
    else if (key.name === 'backspace') search.backspace();
    else if (key.name === 'ctrl-r') search.older();
    else if (key.name === 'ctrl-s') search.newer();
    else if (key.name === 'ctrl-l' || key.name === 'invalid') return false;
    else {
      this.#search = undefined;
      if (key.name === 'ctrl-g') return true;
      if (search.match !== undefined) this.#buffer.replace(search.match, search.cursor);
      return false;
    }
    return true;
  }

  async #complete(): Promise<void> {
    const { screen, columns } = this.#o;
    let completion: Awaited<ReturnType<typeof completeLine>>;
    try {
      completion = await completeLine(this.#buffer.left, withDeadline(this.#o.complete));
    } catch (error) {
      await screen.notice(`no completion: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (completion === undefined) return screen.ring();
    const { left, choices } = completion;
    const text = left + this.#buffer.right;
    if (left !== this.#buffer.left) this.#buffer.replace(text, left.length);
    else if (choices.length > 0) await screen.notice(formatChoices(choices, columns()));
  }

  #warnOfOverflow(): void {
    const { keys, screen } = this.#o;
    if (keys.overflowed && !this.#warned) {
      void screen.notice('more was typed ahead than is kept; the rest was dropped. Press Ctrl-C to go on.');
    }
    this.#warned = keys.overflowed;
  }
}

const EDIT_KEYS: Record<string, (buffer: LineBuffer) => void> = {
  left: (b) => b.moveLeft(),
  'ctrl-b': (b) => b.moveLeft(),
  right: (b) => b.moveRight(),
  'ctrl-f': (b) => b.moveRight(),
  home: (b) => b.moveHome(),
  'ctrl-a': (b) => b.moveHome(),
  end: (b) => b.moveEnd(),
  'ctrl-e': (b) => b.moveEnd(),
  'ctrl-left': (b) => b.moveWordLeft(),
  'alt-left': (b) => b.moveWordLeft(),
  'alt-b': (b) => b.moveWordLeft(),
  'ctrl-right': (b) => b.moveWordRight(),
  'alt-right': (b) => b.moveWordRight(),
  'alt-f': (b) => b.moveWordRight(),
  backspace: (b) => b.deleteLeft(),
  delete: (b) => b.deleteRight(),
  'ctrl-k': (b) => b.killToEnd(),
  'ctrl-u': (b) => b.killToStart(),
  'ctrl-w': (b) => b.killArgumentLeft(),
  'alt-backspace': (b) => b.killWordLeft(),
  'alt-d': (b) => b.killWordRight(),
  'ctrl-delete': (b) => b.killWordRight(),
  'alt-delete': (b) => b.killWordRight(),
  'ctrl-y': (b) => b.yank(),
  'ctrl-t': (b) => b.transpose(),
  'ctrl-_': (b) => b.undo(),
};

const HISTORY_KEYS: Record<string, 'older' | 'newer' | 'oldest' | 'draft' | 'search' | 'last-word'> = {
  up: 'older',
  'ctrl-p': 'older',
  down: 'newer',
  'ctrl-n': 'newer',
  'alt-<': 'oldest',
  pageup: 'oldest',
  'alt->': 'draft',
  pagedown: 'draft',
  'ctrl-r': 'search',
  'alt-.': 'last-word',
};

/** An answer that comes later than this (milliseconds) is of no use to somebody who types. */
const COMPLETION_DEADLINE = 3000;

function withDeadline(complete: Completer): Completer {
  return async (words, word) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), COMPLETION_DEADLINE);
    });
    try {
      return await Promise.race([complete(words, word), late]);
    } finally {
      clearTimeout(timer);
    }
  };
}
