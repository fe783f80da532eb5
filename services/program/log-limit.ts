/** Lines that one source may cause in a minute. */
export const linesPerMinute = 60;
/** Sources that are counted one by one; whoever can make up sources makes up no more than these. */
export const maxSources = 1_024;

const minuteMs = 60_000;
/** Characters of a line. */
const maxLength = 2_048;

/**
 * A log that whoever is at the other end of a connection cannot flood: so many lines for each source and minute, and then
 * one that says how many were left out. A line stays one line, whatever is in it.
 */
export class LogLimit {
  readonly #write: (line: string) => void;
  readonly #counts = new Map<string, number>();
  #minute: NodeJS.Timeout | undefined;

  /** @param write gets what is to be said, a line each, without its end */
  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** @param source who or what has caused the line: a key, or the name of a kind of event */
  say(source: string, line: string): void {
    const counted = this.#counts.has(source) || this.#counts.size < maxSources ? source : 'others';
    const count = (this.#counts.get(counted) ?? 0) + 1;
    this.#counts.set(counted, count);
    this.#minute ??= setTimeout(() => this.flush(), minuteMs).unref();
    if (count <= linesPerMinute) this.#write(oneLine(line));
  }

  /** Says what was left out, and begins a new minute. */
  flush(): void {
    clearTimeout(this.#minute);
    this.#minute = undefined;
    for (const [source, count] of this.#counts)
      if (count > linesPerMinute)
        this.#write(oneLine(`${source}: ${count - linesPerMinute} more lines were left out`));
    this.#counts.clear();
  }
}

/** Text of others must not end a line, or steer a terminal. */
function oneLine(text: string): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replaceAll(/\p{Cc}/gu, ' ');
}
