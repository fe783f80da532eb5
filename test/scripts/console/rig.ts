import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SerialPort } from 'serialport';
import { vi } from 'vitest';
import { loadCalls } from '../../../scripts/console/line/calls.ts';
import { openPort } from '../../../services/viscript/serial/port.ts';
import { PtyPair } from '../../services/viscript/terminal/pty.ts';
import { VirtualScreen } from '../../services/viscript/terminal/screen-of.ts';
import { Transcript } from '../../services/viscript/terminal/transcript.ts';
import { Machine } from './machine.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures/console.ts');
/** Only a hang reaches it. */
export const DEADLINE_MS = 90_000;

/** `asm-generic/ioctls.h`: bytes that can be read. */
const FIONREAD = 0x541b;
/** What the kernel keeps of a raw line for its reader: N_TTY_BUF_SIZE, but for one byte. */
const LINE_BUFFER = 4095;

/** A board at the far end of a pair of lines. */
export class FarEnd {
  readonly heard = new Transcript();
  readonly #port: SerialPort;

  private constructor(port: SerialPort) {
    this.#port = port;
    port.on('data', this.heard.add);
  }

  static async open(pair: PtyPair): Promise<FarEnd> {
    return new FarEnd(await openPort({ path: pair.far, baudRate: 115_200 }));
  }

  hears(pattern: RegExp): Promise<string> {
    return this.heard.waitFor(pattern, DEADLINE_MS);
  }

  say(text: string | Buffer): void {
    this.#port.write(text);
  }

  hold(): void {
    this.#port.pause();
  }

  /** Resolves when as much waits in the kernel for it as there is room for, because it is held. */
  async full(): Promise<void> {
    const { ask } = await loadCalls();
    const binding = this.#port.port;
    if (binding === undefined || !('fd' in binding) || typeof binding.fd !== 'number')
      throw new Error('the far end is closed');
    const { fd } = binding;
    await vi.waitFor(
      () => {
        if ((ask(fd, FIONREAD) ?? 0) < LINE_BUFFER) throw new Error('the far end is not full yet');
      },
      { timeout: DEADLINE_MS },
    );
  }

  goOn(): void {
    this.#port.resume();
  }

  async close(): Promise<void> {
    if (!this.#port.isOpen) return;
    const closed = once(this.#port, 'close');
    this.#port.close();
    await closed;
  }
}

/** `skyminer console` on a made-up machine, with folders of its own for what it keeps. */
export class Rig implements AsyncDisposable {
  readonly machine: Machine;
  readonly folder: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(machine: Machine, folder: string, stack: AsyncDisposableStack) {
    this.machine = machine;
    this.folder = folder;
    this.#stack = stack;
  }

  static async open(): Promise<Rig> {
    const stack = new AsyncDisposableStack();
    const machine = stack.use(await Machine.make());
    const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'console-')), (path) =>
      rm(path, { recursive: true }),
    );
    return new Rig(machine, folder, stack);
  }

  async pair(): Promise<PtyPair> {
    return this.#stack.adopt(await PtyPair.open(), (pair) => pair.close());
  }

  async far(pair: PtyPair): Promise<FarEnd> {
    return this.#stack.adopt(await FarEnd.open(pair), (far) => far.close());
  }

  /** On a terminal of its own. */
  onTerminal(...words: string[]): Person {
    return this.#stack.use(new Person(this.#words(words), this.environment));
  }

  /** The same, with its standard output elsewhere: `> file`. */
  showingElsewhere(redirection: string, ...words: string[]): Person {
    return this.#stack.use(new Person(this.#words(words), this.environment, redirection));
  }

  /** The same under strace(1), which writes the calls of ioctl(2) to a file. */
  traced(file: string, ...words: string[]): Person {
    const strace = ['strace', '-f', '-qq', '-e', 'trace=ioctl', '-o', file];
    return this.#stack.use(new Person([...strace, ...this.#words(words)], this.environment));
  }

  /** With pipes. */
  piped(...words: string[]): Piped {
    return this.pipedIn({}, ...words);
  }

  /** The same, with something else in its environment. */
  pipedIn(environment: NodeJS.ProcessEnv, ...words: string[]): Piped {
    return this.#stack.use(new Piped(this.#words(words), { ...this.environment, ...environment }));
  }

  get environment(): NodeJS.ProcessEnv {
    const { folder } = this;
    return {
      ...process.env,
      ...{
        TERM: 'xterm',
        XDG_RUNTIME_DIR: folder,
        XDG_CONFIG_HOME: folder,
        XDG_STATE_HOME: folder,
        NO_COLOR: '1',
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  #words(words: string[]): string[] {
    const { sys, dev } = this.machine.roots;
    return [process.execPath, FIXTURE, sys, dev, ...words];
  }
}

/** Somebody at a terminal, made by script(1), with its settings told before and after. */
export class Person implements AsyncDisposable {
  readonly transcript = new Transcript();
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(words: string[], environment: NodeJS.ProcessEnv, redirection = '') {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const command = `stty cols 100 rows 30; echo "BEFORE $(stty -g)"; ${quoted} ${redirection}; echo "STATUS $?"; echo "AFTER $(stty -g)"`;
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      env: environment,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#exited = once(this.#child, 'close');
    this.#child.stdout?.on('data', this.transcript.add);
  }

  type(text: string | Buffer): void {
    this.#child.stdin?.write(text);
  }

  sees(pattern: RegExp): Promise<string> {
    return this.transcript.waitFor(pattern, DEADLINE_MS);
  }

  /** What the whole screen shows. */
  async screen(): Promise<string> {
    const screen = new VirtualScreen(100, 30);
    await screen.write(this.transcript.bytes);
    return screen.rows.join('\n');
  }

  /** Leaves by the key for it, and tells how that went. */
  async leave(): Promise<{ status: number; sameSettings: boolean }> {
    this.type('\x1dq');
    return this.left();
  }

  async left(): Promise<{ status: number; sameSettings: boolean }> {
    await this.sees(/AFTER \S+\r?\n/);
    return this.result;
  }

  /** How it went, once that is told. */
  get result(): { status: number; sameSettings: boolean } {
    const { text } = this.transcript;
    const setting = (word: string) => new RegExp(`${word} (\\S+)`).exec(text)?.[1];
    return { status: Number(setting('STATUS')), sameSettings: setting('BEFORE') === setting('AFTER') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill('SIGTERM');
    await this.#exited;
  }
}

/** A run with pipes. */
export class Piped implements AsyncDisposable {
  readonly stdout = new Transcript();
  readonly stderr = new Transcript();
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor([command = '', ...words]: string[], environment: NodeJS.ProcessEnv) {
    this.child = spawn(command, words, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', this.stdout.add);
    this.child.stderr?.on('data', this.stderr.add);
    // A command may end without reading its input.
    this.child.stdin?.on('error', (error) => this.stderr.add(Buffer.from(`input: ${error.message}\n`)));
    this.exited = once(this.child, 'close').then(([status]) => status);
  }

  type(text: string | Buffer): void {
    this.child.stdin?.write(text);
  }

  end(text: string | Buffer = ''): Promise<number | null> {
    this.child.stdin?.end(text);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
