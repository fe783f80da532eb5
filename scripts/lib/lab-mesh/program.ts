import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Host } from '../lab.ts';
import { deadlineMs, NeverHappened } from './wait.ts';

/** Lines that are kept of a program; the oldest go first. */
const maxLines = 5_000;

/** A program that runs in a host. What it prints is kept, for waiting and for whoever looks why a test has failed. */
export class Program extends EventEmitter<{ line: [line: string]; exit: [] }> {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #lines: string[] = [];
  readonly #log: string[] = [];
  readonly #startedAt = performance.now();

  /** @param environment laid over this process's own */
  constructor(
    host: Host,
    name: string,
    [command = '', ...args]: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ) {
    super();
    // Everybody who waits for a line listens, and there may be many.
    this.setMaxListeners(0);
    this.name = name;
    this.#child = host.spawn(command, args, {
      env: { ...process.env, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#child, 'exit');
    // A program that has ended takes no commands, which is told by the test that waits for its answer.
    this.#child.stdin?.on('error', () => undefined);
    for (const stream of [this.#child.stdout, this.#child.stderr]) if (stream) this.#keep(stream);
    this.#child.once('exit', (code, signal) => {
      this.#note(`(ended: ${signal ?? code})`);
      this.emit('exit');
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} was not started`);
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How many lines it has printed so far: what {@link line} begins at to see only later ones. */
  get printed(): number {
    return this.#lines.length;
  }

  /** All it has printed, each line with the second in which it came. */
  get log(): string {
    return this.#log.map((line) => `${this.name} ${line}\n`).join('');
  }

  /** Writes a line to its standard input. */
  tell(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  /**
   * The first line that matches, of those that are there and those to come.
   *
   * @param from how many lines to skip, see {@link printed}
   * @throws {NeverHappened} when the program ends, or hangs, without it
   */
  async line(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    for (const line of this.#lines.slice(from)) {
      const match = pattern.exec(line);
      if (match) return match;
    }
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const fail = (why: string) =>
      reject(new NeverHappened(`${this.name} ${why} and has not said ${pattern}`));
    const look = (line: string) => {
      const match = pattern.exec(line);
      if (match) resolve(match);
    };
    const ended = () => fail('has ended');
    const timer = setTimeout(() => fail(`runs for ${deadlineMs / 1000} s`), deadlineMs);
    this.on('line', look);
    this.once('exit', ended);
    if (!this.running) ended();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.off('line', look);
      this.off('exit', ended);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#note(`(gets ${signal})`);
    this.#child.kill(signal);
  }

  /** Ends it, and resolves when it has ended. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.running) return;
    this.signal(signal);
    await this.#exited;
  }

  #keep(stream: Readable): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.#lines.push(line);
      this.#note(line);
      this.emit('line', line);
    });
  }

  #note(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(3);
    this.#log.push(`${seconds} ${text}`);
    if (this.#log.length > maxLines) this.#log.shift();
  }
}
