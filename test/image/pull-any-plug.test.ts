import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasSocat } from '../services/viscript/terminal/pty.ts';
import { PtyProgram } from '../services/viscript/terminal/pty-program.ts';
import { BOOT_MS, BOOTING_MS } from './fixture.ts';
import { isLong } from './long.ts';

const program = join(import.meta.dirname, '../../scripts/run.ts');
/** Comes at a megabyte a second: a board boots again meanwhile, unless the machine does much else. */
const MEGABYTES = 90;
/** How much has to come for a transfer to have gone on: more than what was under way. */
const GONE_ON_MIB = 4;

let folder: string;

/** With a short path, for sockets are in it; not in /tmp, which may be in memory. */
beforeEach(async () => {
  folder = await mkdtemp('/var/tmp/plug-');
});

afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(!hasSocat || !isLong)(
  './scripts/run --rack on a terminal (needs socat and SKYMINER_LONG)',
  () => {
    it('carries a download through boards of which the one it goes through is pulled and put back, and gets it right', {
      timeout: BOOTING_MS,
    }, async () => {
      await using terminal = await PtyProgram.start(
        'stty cols 120 rows 45; "$NODE" "$PROGRAM" --yes --rack --boards 3 --megabytes "$SIZE"; echo "status $?"',
        {
          ...{ NODE: process.execPath, PROGRAM: program, SIZE: String(MEGABYTES) },
          ...{ TMPDIR: folder, NO_COLOR: '1' },
        },
      );
      const screen = new Screen(terminal);
      const board = await screen.waitFor('a board that carries the download', boardInUse);
      const marked = (mark: string) => (shown: string) => new RegExp(`${mark} board${board}\\b`).test(shown);
      terminal.type(board);
      const before = await screen.waitFor(
        `board ${board} without power`,
        (shown) => marked('✗')(shown) && received(shown),
      );
      await screen.waitFor('more of the download', (shown) => received(shown) > before + GONE_ON_MIB);
      terminal.type(board);
      await screen.waitFor(`board ${board} with power again`, (shown) => !marked('✗')(shown));
      // The download may be over before it is in service; until then it is not to go down again.
      const end = await screen.untilEnd((shown) => expect(shown).not.toMatch(`✗ board${board}`));
      const [, sent, came, status] =
        /SHA-256 sent +([0-9a-f]{64})\r\nSHA-256 received +([0-9a-f]{64})\r\n.*status (\d+)/s.exec(end) ?? [];
      expect(sent).toBeDefined();
      expect(came).toBe(sent);
      expect(status).toBe('0');
      expect(await readdir(folder)).toEqual([]);
    });
  },
);

/** The number of the board on whose link with the downloading node more than a little comes. */
function boardInUse(shown: string): string | undefined {
  return /^board(\d) – client .* (?:[\d.]+ MiB|\d{3}\.\d KiB)\/s/m.exec(shown)?.[1];
}

/** MiB of the download that are there. */
function received(shown: string): number {
  return Number(/ · ([\d.]+) MiB of /.exec(shown)?.[1] ?? 0);
}

/** What the program draws on its terminal, one picture after the other. */
class Screen {
  readonly #terminal: PtyProgram;

  constructor(terminal: PtyProgram) {
    this.#terminal = terminal;
  }

  /** @returns what `find` finds in a picture to come @throws when the program ends before */
  async waitFor<T>(what: string, find: (shown: string) => T | undefined | false): Promise<T> {
    let last = '';
    for (;;) {
      const { shown, text, ended } = await this.#next();
      if (ended) throw new Error(`there was never ${what}: ${last}${text}`);
      const found = find(shown);
      if (found !== undefined && found !== false) return found;
      last = shown;
    }
  }

  /** @param look gets each picture to come @returns what the program has written after the last one */
  async untilEnd(look: (shown: string) => void): Promise<string> {
    for (;;) {
      const { shown, text, ended } = await this.#next();
      if (ended) return text;
      look(shown);
    }
  }

  async #next(): Promise<{ shown: string; text: string; ended: boolean }> {
    const text = await this.#terminal.transcript.waitFor(/\[H.*?\[J|status \d+\r\n/s, BOOT_MS);
    const shown = stripVTControlCharacters(text.slice(text.lastIndexOf('\x1b[H')));
    return { shown, text, ended: /status \d+\r\n$/.test(text) };
  }
}
