/** Ctrl-R: a search through the history that follows the typing. `index` counts from the oldest entry. */
export class HistorySearch {
  readonly #entries: readonly string[];
  #query = '';
  #index: number;
  #failed = false;

  constructor(entries: readonly string[]) {
    this.#entries = entries;
    this.#index = entries.length;
  }

  get prompt(): string {
    return `(${this.#failed ? 'failed ' : ''}reverse-i-search)'${this.#query}': `;
  }

  /** The entry found, or undefined before the first hit. */
  get match(): string | undefined {
    return this.#entries[this.#index];
  }

  /** Where in the entry the query stands: there goes the cursor. */
  get cursor(): number {
    return Math.max(0, this.match?.indexOf(this.#query) ?? 0);
  }

  type(text: string): void {
    this.#query += text;
    this.#find(Math.min(this.#index, this.#entries.length - 1), -1);
  }

  backspace(): void {
    this.#query = [...this.#query].slice(0, -1).join('');
    this.#find(this.#entries.length - 1, -1);
  }

  older(): void {
    this.#find(this.#index - 1, -1);
  }

  newer(): void {
    this.#find(this.#index + 1, 1);
  }

  #find(from: number, step: 1 | -1): void {
    for (let index = from; index >= 0 && index < this.#entries.length; index += step) {
      if (this.#query === '' || this.#entries[index]?.includes(this.#query) !== true) continue;
      this.#index = index;
      this.#failed = false;
      return;
    }
    this.#failed = this.#query !== '';
  }
}
