import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'vitest';
import { PtyProgram } from '../services/viscript/terminal/pty-program.ts';
import { Transcript } from '../services/viscript/terminal/transcript.ts';
import { BOOT_MS } from './fixture.ts';
import { makeKey } from './ssh.ts';
import { SshAgent } from './ssh-agent.ts';

const root = join(import.meta.dirname, '../..');
/** How long something that is only looked at may take; it is looked at again until it is as it should be. */
const LOOK_MS = 60_000;
const LOOK_AGAIN_MS = 2000;
/** Until all boards are in service: the last of eight boots beside seven that run. */
const BOARDS_MS = 2_700_000;

/** A line that a person types, and where: in the shell, or in the terminal in which `skyminer qemu` runs. */
interface Line {
  where: 'shell' | 'boards';
  text: string;
}

/**
 * By a line or a part of it: what the line is to say in the end, or what is done at the terminal on which it runs. After that it
 * has to end with status 0.
 */
export type Expected = Readonly<Record<string, RegExp | ((terminal: PtyProgram) => Promise<void>)>>;

/**
 * Somebody who types what a document says, in a folder of their own. Blocks of `sh` are for the shell, of `text boards` for
 * the terminal of the boards. Only these differ from a person at a laptop: `skyminer` runs from the sources, it gets a
 * passphrase by file where it would ask for one, `sudo` and `npx` do nothing, and `out` is the repository's.
 */
export class DocumentWalk implements AsyncDisposable {
  readonly folder: string;
  readonly #sections: Map<string, Line[]>;
  readonly #environment: Record<string, string>;
  readonly #stack: AsyncDisposableStack;
  #boards: Terminal | undefined;

  private constructor(
    folder: string,
    sections: Map<string, Line[]>,
    environment: Record<string, string>,
    stack: AsyncDisposableStack,
  ) {
    this.folder = folder;
    this.#sections = sections;
    this.#environment = environment;
    this.#stack = stack;
  }

  /**
   * @param document path in the repository
   * @param chapter heading above those of the walk
   * @param instead words of its lines, and what is typed in their place
   */
  static async begin(
    document: string,
    chapter: string,
    instead: Readonly<Record<string, string>> = {},
  ): Promise<DocumentWalk> {
    let markdown = await readFile(join(root, document), 'utf8');
    for (const [words, others] of Object.entries(instead)) markdown = markdown.replaceAll(words, others);
    const sections = sectionsOf(markdown, chapter);
    await using stack = new AsyncDisposableStack();
    // With a short path, for a socket is in it; not in /tmp, which may be in memory.
    const folder = await mkdtemp('/var/tmp/walk-');
    stack.defer(() => rm(folder, { recursive: true }));
    const home = join(folder, 'home');
    await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    const agent = stack.use(await SshAgent.start(join(folder, 'agent.sock')));
    await agent.add((await makeKey(join(home, '.ssh'), 'id_ed25519')).file);
    await makeProgram(folder);
    await symlink(join(root, 'out'), join(folder, 'out'));
    const environment = {
      ...{ HOME: home, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, SSH_AUTH_SOCK: agent.socket },
      ...{ PASSPHRASE_FILE: join(folder, 'passphrase'), NO_COLOR: '1' },
    };
    return new DocumentWalk(folder, sections, environment, stack.move());
  }

  /** Headings under which something is typed that nobody has typed yet. */
  get left(): string[] {
    return [...this.#sections.keys()];
  }

  /**
   * Types what stands under a heading, line by line. What is expected of a line it must say, and is asked again until it
   * does; every other line must end with status 0.
   */
  async section(heading: string, expected: Expected = {}): Promise<void> {
    expect(this.left[0], 'what comes next in the document').toBe(heading);
    const lines = this.#sections.get(heading) ?? [];
    for (const part of Object.keys(expected))
      expect(
        lines.filter(({ text }) => text.includes(part)),
        `${heading}: ${part}`,
      ).toHaveLength(1);
    for (const line of lines) {
      const [, pattern] = Object.entries(expected).find(([part]) => line.text.includes(part)) ?? [];
      await this.#type(line, pattern);
    }
    this.#sections.delete(heading);
  }

  /** What a line of the shell says, whatever its status is. */
  async shell(line: string, timeout = 0): Promise<{ status: number | null; said: string }> {
    // The program itself, so that the end of its time ends it.
    const child = execFile('sh', ['-euc', `exec ${line}`], {
      ...{ cwd: this.folder, env: { ...process.env, ...this.#environment }, timeout },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
    child.stdin?.end();
    const [status] = await once(child, 'close');
    return { status, said: stripVTControlCharacters(said) };
  }

  /** Opens the boards' terminal. @returns what was said there until they were in service */
  startBoards(line: string): Promise<string> {
    this.#boards = this.#stack.use(new Terminal(line, this.folder, { ...process.env, ...this.#environment }));
    return this.#boards.says(/\(Ctrl-D\)/, BOARDS_MS);
  }

  /** Runs a line on a terminal of its own, at which something is done. It has to end with status 0. */
  async onTerminal(line: string, act: (terminal: PtyProgram) => Promise<void>): Promise<void> {
    const environment = { ...this.#environment, WALK: this.folder };
    await using terminal = await PtyProgram.start(`cd "$WALK"; ${line}; echo "status $?"`, environment);
    await act(terminal);
    const said = await terminal.transcript.waitFor(/status \d+\r?\n/, LOOK_MS);
    expect(said.trimEnd()).toMatch(/status 0$/);
  }

  /** The end of the input of the boards' terminal. @returns its exit status */
  async leaveBoards(): Promise<number | null> {
    const boards = this.#boards;
    if (boards === undefined) throw new Error('no boards were started');
    return boards.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  async #type({ where, text }: Line, pattern: Expected[string] | undefined): Promise<void> {
    if (typeof pattern === 'function') {
      await this.onTerminal(text, pattern);
    } else if (where === 'boards') {
      await this.#boards?.type(text, pattern ?? /\n/);
    } else if (text.startsWith('skyminer qemu ')) {
      await this.startBoards(text);
    } else if (pattern === undefined) {
      const { status, said } = await this.shell(text);
      expect(status, `${text}\n${said}`).toBe(0);
    } else {
      const look = async () => (await this.shell(text, LOOK_MS)).said;
      await expect.poll(look, { timeout: BOOT_MS, interval: LOOK_AGAIN_MS }).toMatch(pattern);
    }
  }
}

/** The lines of the blocks of a chapter (`##`), by the numbered heading (`###`) that they stand under. */
function sectionsOf(markdown: string, chapter: string): Map<string, Line[]> {
  const sections = new Map<string, Line[]>();
  let within = false;
  let heading = '';
  let block: Line['where'] | 'other' | undefined;
  for (const text of markdown.split('\n')) {
    if (text.startsWith('```'))
      block = block !== undefined ? undefined : (PLACES.get(text.slice(3).trim()) ?? 'other');
    else if (block === undefined && text.startsWith('## ')) within = text === `## ${chapter}`;
    else if (block === undefined && text.startsWith('### ')) heading = text.slice(4);
    else if (within && block !== undefined && block !== 'other' && text !== '')
      sections.set(heading, [...(sections.get(heading) ?? []), { where: block, text }]);
  }
  return sections;
}

const PLACES = new Map<string, Line['where']>([
  ['sh', 'shell'],
  ['text boards', 'boards'],
]);

/** A program `skyminer` that does not ask for passphrases. */
async function makeProgram(folder: string): Promise<void> {
  await writeFile(join(folder, 'passphrase'), 'correct horse battery\n', { mode: 0o600 });
  await mkdir(join(folder, 'bin'));
  const main = join(root, 'scripts/skyminer/main.ts');
  const script = `#!/bin/sh
case "$1 $2" in
  update-keys* | 'rack init' | 'rack sign' | 'rack replace' | 'rack remove') set -- "$@" --passphrase-file "$PASSPHRASE_FILE" ;;
esac
exec '${process.execPath}' '${main}' "$@"
`;
  await writeFile(join(folder, 'bin/skyminer'), script, { mode: 0o755 });
  for (const name of ['sudo', 'npx'])
    await writeFile(join(folder, 'bin', name), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
}

/** The terminal in which the boards run. */
class Terminal implements AsyncDisposable {
  readonly #transcript = new Transcript();
  readonly #child;
  readonly #exited: Promise<[number | null, string | null]>;

  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('sh', ['-euc', `exec ${command}`], { cwd, env, stdio: 'pipe' });
    this.#child.stdout.on('data', this.#transcript.add);
    this.#child.stderr.on('data', this.#transcript.add);
    this.#exited = once(this.#child, 'exit') as Promise<[number | null, string | null]>;
  }

  async says(pattern: RegExp, timeoutMs = BOOT_MS): Promise<string> {
    const failed = this.#exited.then(() => {
      throw new Error(`the boards have ended: ${this.#transcript.text}`);
    });
    const either = new RegExp(`(?:${pattern.source})|✗`);
    const said = await Promise.race([this.#transcript.waitFor(either, timeoutMs), failed]);
    expect(said).toMatch(pattern);
    return said;
  }

  async type(line: string, pattern: RegExp): Promise<void> {
    this.#child.stdin.write(`${line}\n`);
    await this.says(pattern);
  }

  async end(): Promise<number | null> {
    this.#child.stdin.end();
    return (await this.#exited)[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    await this.#exited;
  }
}
