import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UBoot } from './u-boot.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures/attach.ts');

let uBoot: UBoot;

beforeEach(async () => {
  uBoot = await UBoot.start();
  // The terminal under test is the one reader of the line.
  await uBoot.line.close();
});

afterEach(() => uBoot[Symbol.asyncDispose]());

describe('a terminal attached to a serial line', () => {
  it('speaks with the board and leaves with Ctrl-], the terminal as it was', async () => {
    await using terminal = Terminal.run(uBoot.board.console);
    const before = await terminal.settings();
    await terminal.until(/ATTACHED/);
    terminal.type('echo over the line\r');
    await terminal.until(/\nover the line/);
    terminal.type('\x1d');
    await terminal.until(/END left/);
    expect(await terminal.settings()).toBe(before);
    // Bracketed paste, hidden cursor and colours that a program on the board may have set are undone.
    expect(terminal.text).toContain('\x1b[?2004l');
    expect(terminal.text).toContain('\x1b[?25h');
  });

  it('gives Ctrl-C to the board', async () => {
    await using terminal = Terminal.run(uBoot.board.console);
    await terminal.until(/ATTACHED/);
    terminal.type('echo not run\x03');
    await terminal.until(/<INTERRUPT>/);
    terminal.type('echo run\r');
    await terminal.until(/\nrun/);
    terminal.type('\x1d');
    await terminal.until(/END left/);
  });

  it('restores the terminal when the board goes away', async () => {
    await using terminal = Terminal.run(uBoot.board.console);
    const before = await terminal.settings();
    await terminal.until(/ATTACHED/);
    await uBoot.board.kill();
    await terminal.until(/END closed/);
    expect(await terminal.settings()).toBe(before);
  });

  it('restores the terminal when the program dies of an error', async () => {
    await using terminal = Terminal.run(uBoot.board.console, 'throw');
    const before = await terminal.settings();
    await terminal.until(/ATTACHED/);
    terminal.type('\r');
    await terminal.until(/an error nobody expects/);
    expect(await terminal.settings()).toBe(before);
  });

  it('still leaves when the board reads nothing of a long paste', async () => {
    await using terminal = Terminal.run(uBoot.board.console);
    await terminal.until(/ATTACHED/);
    terminal.type('sleep 1000\r');
    await terminal.until(/sleep 1000/);
    terminal.type('x'.repeat(200_000));
    terminal.type('\x1d');
    await terminal.until(/END left/);
  });
});

/** The fixture on a terminal of its own, made by script(1), with the terminal's settings before and after. */
class Terminal {
  text = '';
  readonly #child: ChildProcess;
  #onText: (() => void) | undefined;
  #read = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
      this.#onText?.();
    });
  }

  static run(...args: string[]): Terminal {
    const quoted = [process.execPath, FIXTURE, ...args].map((word) => `'${word}'`).join(' ');
    const command = `echo "SETTINGS $(stty -g)"; ${quoted}; echo "SETTINGS $(stty -g)"`;
    return new Terminal(
      spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] }),
    );
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  async settings(): Promise<string> {
    return (await this.until(/SETTINGS (\S+)\r?\n/))[1] ?? '';
  }

  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(60_000);
    for (;;) {
      const match = pattern.exec(this.text.slice(this.#read));
      if (match !== null) {
        this.#read += match.index + match[0].length;
        return match;
      }
      await new Promise<void>((resolve, reject) => {
        this.#onText = resolve;
        deadline.onabort = () => reject(new Error(`no ${pattern} in ${JSON.stringify(this.text)}`));
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
  }
}
