import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cleanEnvironment, MeasureError } from '../process.ts';
import { stopProgram } from '../proxies/proxy.ts';

/** Those of a node: see `services/node/main.ts`. */
const FLAGS = ['--initial-old-space-size=96', '--max-semi-space-size=1'];

/** The program `end.ts`: a source or a sink. */
export class EndProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new MeasureError('an end says nothing');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @param args after the program's name @throws {MeasureError} it ended before it was ready */
  static async start(args: readonly string[], stack: AsyncDisposableStack): Promise<EndProcess> {
    const child = spawn(process.execPath, [...FLAGS, join(import.meta.dirname, 'end.ts'), ...args], {
      ...{ env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] },
    });
    stack.defer(() => stopProgram(child));
    await once(child, 'spawn');
    const end = new EndProcess(child);
    await end.#line();
    return end;
  }

  /** Of a source: one transfer. @returns milliseconds until the sink had everything */
  async transfer(): Promise<number> {
    this.#child.stdin?.write('\n');
    return Number(await this.#line());
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new MeasureError('an end of the way has ended');
    return value;
  }
}
