import { randomUUID } from 'node:crypto';
import type { SerialConsole } from '../../image/qemu/index.ts';

const READY = 'root-shell-is-ready';
const ANSWER_MS = 300_000;
/** The longest line that a terminal takes as one (N_TTY_BUF_SIZE of Linux). */
const MAX_COMMAND = 4000;

/**
 * Gives a throw-away board a root shell on the console of its kernel, by systemd's credentials for further units
 * (systemd-debug-generator(8)). No image has a way in for root; who starts a machine may add one to it.
 * QEMU leaves 28 characters for a credential's name: hence a unit `a`, wanted by the slice that every service needs.
 */
export const rootShellCredentials: Readonly<Record<string, string>> = {
  'systemd.extra-unit.a.service': `
[Unit]
Description=Root shell of the tests
After=systemd-user-sessions.service
[Service]
ExecStart=/bin/bash -c 'stty -echo -onlcr; printf "${READY}\\n"; while read -r line; do eval "$line"; done'
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
Environment=PATH=/usr/sbin:/usr/bin HOME=/root TERM=dumb SYSTEMD_PAGER=cat SYSTEMD_COLORS=0
`,
  'systemd.unit-dropin.-.slice': '[Unit]\nWants=a.service\n',
};

export interface Answer {
  status: number;
  /** Standard output and standard error as they came. */
  output: string;
}

/** Runs commands as root on a board that was started with `rootShellCredentials`. */
export class RootShell {
  readonly #line: SerialConsole;

  constructor(line: SerialConsole) {
    this.#line = line;
  }

  /** Resolves when the shell is there, which it is when the board has booted. */
  async ready(timeoutMs: number): Promise<void> {
    await this.#line.waitFor(new RegExp(READY), { timeoutMs });
  }

  /** Runs one line of shell. */
  async run(command: string, timeoutMs = ANSWER_MS): Promise<Answer> {
    const mark = randomUUID();
    // Written so that the words of the command, should they be echoed, are no mark.
    const line = `printf '%s\\n' '<<'${mark}; ( ${command} ) </dev/null 2>&1; printf '%s %d\\n' '>>'${mark} $?`;
    if (Buffer.byteLength(line) > MAX_COMMAND) throw new RangeError(`too long for one line: ${command}`);
    await this.#line.write(`${line}\n`);
    await this.#line.waitFor(new RegExp(`<<${mark}\\r?\\n`), { timeoutMs });
    const text = await this.#line.waitFor(new RegExp(`>>${mark} \\d+\\r?\\n`), { timeoutMs });
    const end = text.lastIndexOf(`>>${mark}`);
    return {
      status: Number(text.slice(end + mark.length + 2)),
      output: text.slice(0, end).replaceAll('\r\n', '\n'),
    };
  }

  /** Begins a restart of the board, of which the shell may not live to tell how it ended. */
  async reboot(): Promise<void> {
    await this.#line.write('systemctl --no-block reboot\n');
  }

  /** What a command printed, without the last line end. Throws when its status is not 0. */
  async text(command: string, timeoutMs = ANSWER_MS): Promise<string> {
    const { status, output } = await this.run(command, timeoutMs);
    if (status !== 0) throw new Error(`${command}: status ${status}\n${output}`);
    return output.trimEnd();
  }
}
