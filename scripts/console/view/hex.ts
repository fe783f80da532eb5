/** Bytes in a row. */
const ROW = 16;

/** Shows bytes as hexadecimal numbers, sixteen in a row. */
export class HexView {
  #column = 0;

  apply(bytes: Buffer): Buffer {
    let text = '';
    for (const byte of bytes) {
      this.#column += 1;
      const last = this.#column === ROW;
      text += byte.toString(16).padStart(2, '0') + (last ? '\r\n' : ' ');
      if (last) this.#column = 0;
    }
    return Buffer.from(text);
  }

  /** Something else was shown, and ended its line. */
  newLine(): void {
    this.#column = 0;
  }
}

/** Makes bytes of typed hexadecimal digits, two each; what is no digit is left out. */
export class HexInput {
  #first: number | undefined;

  apply(typed: Buffer): Buffer {
    const bytes: number[] = [];
    for (const byte of typed) {
      const digit = Number.parseInt(String.fromCharCode(byte), 16);
      if (Number.isNaN(digit)) continue;
      if (this.#first === undefined) this.#first = digit;
      else {
        bytes.push(this.#first * 16 + digit);
        this.#first = undefined;
      }
    }
    return Buffer.from(bytes);
  }
}
