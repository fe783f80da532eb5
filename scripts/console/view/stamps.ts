/** What stands before each line: time of day, time since the start, time since the line before, or date and time. */
export type StampFormat = 'clock' | 'start' | 'delta' | 'iso';

export const STAMP_FORMATS: readonly StampFormat[] = ['clock', 'start', 'delta', 'iso'];

/** Puts a time before the first byte of every line. */
export class Stamps {
  readonly #format: StampFormat;
  readonly #start: number;
  #last: number;
  #atLineStart = true;

  /** @param now milliseconds since 1970, as are the others */
  constructor(format: StampFormat, now: number) {
    this.#format = format;
    this.#start = now;
    this.#last = now;
  }

  apply(bytes: Buffer, now: number): Buffer {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const lineEnd = bytes.indexOf(0x0a, at);
      const end = lineEnd < 0 ? bytes.length : lineEnd + 1;
      if (this.#atLineStart) parts.push(Buffer.from(`[${this.#stamp(now)}] `));
      parts.push(bytes.subarray(at, end));
      this.#atLineStart = lineEnd >= 0;
      at = end;
    }
    return Buffer.concat(parts);
  }

  /** Something else was shown, and ended its line. */
  newLine(): void {
    this.#atLineStart = true;
  }

  #stamp(now: number): string {
    const before = this.#last;
    this.#last = now;
    switch (this.#format) {
      case 'clock':
        return clock(new Date(now));
      case 'iso':
        return new Date(now).toISOString();
      case 'start':
        return span(now - this.#start);
      case 'delta':
        return span(now - before);
    }
  }
}

/** Time of day here, `18:05:09.123`. */
export function clock(time: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const milliseconds = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${milliseconds}`;
}

function span(milliseconds: number): string {
  const whole = Math.max(0, milliseconds);
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  const rest = String(whole % 1000).padStart(3, '0');
  return `${two(whole / 3_600_000)}:${two((whole / 60_000) % 60)}:${two((whole / 1000) % 60)}.${rest}`;
}
