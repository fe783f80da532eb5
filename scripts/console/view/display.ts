import { harmless } from '../harmless.ts';
import { HexView } from './hex.ts';
import { clock, type StampFormat, Stamps } from './stamps.ts';

/** How boards are shown. All of a terminal share one, which its keys change. */
export interface ViewModes {
  stamps: boolean;
  stampFormat: StampFormat;
  hex: boolean;
  /** What is typed is shown. */
  echo: boolean;
  /** Changes what comes from a board. */
  mapOutput: (bytes: Buffer) => Buffer;
  color: boolean;
}

/** Makes of what a board says what is shown of it. */
export class Display {
  readonly #modes: ViewModes;
  readonly #stamps: Stamps;
  readonly #hex = new HexView();
  #atLineStart = true;

  constructor(modes: ViewModes) {
    this.#modes = modes;
    this.#stamps = new Stamps(modes.stampFormat, Date.now());
  }

  output(bytes: Buffer): Buffer {
    const mapped = this.#modes.mapOutput(bytes);
    if (this.#modes.hex) return this.#ended(this.#hex.apply(mapped));
    return this.#ended(this.#modes.stamps ? this.#stamps.apply(mapped, Date.now()) : mapped);
  }

  echo(bytes: Buffer): Buffer {
    if (this.#modes.hex) return this.output(bytes);
    return this.output(Buffer.from(bytes.toString('latin1').replaceAll('\r', '\r\n'), 'latin1'));
  }

  /** A line of this program's own, with the time before it. */
  notice(text: string): Buffer {
    const line = noticeLine(text, this.#modes.color);
    const shown = Buffer.from(`${this.#atLineStart ? '' : '\r\n'}${line}\r\n`);
    this.#stamps.newLine();
    this.#hex.newLine();
    return this.#ended(shown);
  }

  #ended(bytes: Buffer): Buffer {
    if (bytes.length > 0) this.#atLineStart = bytes.at(-1) === 0x0a;
    return bytes;
  }
}

/** A line of this program's own. Inverse, so that no board can be mistaken for it by its words alone. */
export function noticeLine(text: string, color: boolean): string {
  const line = `[${clock(new Date()).slice(0, 8)}] ${harmless(text)}`;
  return color ? `\x1b[0;7m${line}\x1b[0m` : line;
}
