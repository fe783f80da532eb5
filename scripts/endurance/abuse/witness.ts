import { join } from 'node:path';
import { z } from 'zod';
import { readTextIfAny } from '../../../image/files.ts';
import { MeasureError } from '../../measure/process.ts';
import type { AbusedHost } from './host.ts';

const line = z.object({ text: z.string() });
/** More than it writes between two looks. */
const LINES = 1000;

/**
 * An app that does no harm and says a number after the other. Whatever befalls others, it must go on, answer, and lose no
 * line.
 */
export class Witness {
  readonly #host: AbusedHost;
  readonly #state: string;
  readonly #app: string;
  #id = 0;
  #pid: number | undefined;
  #last = -1;

  /** @param state the state folder of viscript */
  constructor(host: AbusedHost, state: string, app: string) {
    this.#host = host;
    this.#state = state;
    this.#app = app;
  }

  /** Finds the launch that viscript has started by itself. */
  async begins(): Promise<void> {
    const { apps } = await this.#host.status();
    const own = apps.find(({ app }) => app === this.#app);
    if (own === undefined) throw new MeasureError(`${this.#app} was not started by itself`);
    this.#id = own.id;
    this.#last = -1;
    ({ pid: this.#pid } = (await this.#host.becomes(
      own.id,
      'is ready',
      ({ state }) => state === 'ready',
    )) as {
      pid: number | undefined;
    });
  }

  /** Looks whether it runs on, answers, and has lost no line. @returns milliseconds of its answer @throws {MeasureError} */
  async look(): Promise<number> {
    const from = performance.now();
    await this.#host.must(['ping', String(this.#id)]);
    const ms = performance.now() - from;
    const { pid, state, restarts } = (await this.#host.launch(this.#id)) ?? {};
    if (pid !== this.#pid || state !== 'ready' || restarts !== 0)
      throw new MeasureError(`${this.#app} was harmed: it is ${state}, restarted ${restarts} times`);
    const said = await this.#host.must(['logs', '-n', String(LINES), String(this.#id)], true);
    const numbers = said
      .split('\n')
      // On a busy machine it has said nothing yet when it is looked at first.
      .filter((text) => text !== '')
      .flatMap((text) => numberIn(line.parse(JSON.parse(text)).text));
    this.#last = follow(this.#last, numbers, this.#app);
    return ms;
  }

  /** After viscript was killed: what it had shown is in the log file. @throws {MeasureError} */
  async isKept(): Promise<void> {
    const folder = join(this.#state, 'log');
    const files = [`${this.#app}.log.1`, `${this.#app}.log`].map((name) => join(folder, name));
    const texts = await Promise.all(files.map((file) => readTextIfAny(file)));
    if (!texts.join('').includes(`line ${this.#last}\n`))
      throw new MeasureError(`${this.#app}: line ${this.#last} was shown, and is in no log file`);
  }
}

/**
 * The last of the numbers, which must go on after the last one that was seen, each once and in order.
 *
 * @param last −1 when none was seen
 * @throws {MeasureError} with what is missing
 */
export function follow(last: number, numbers: readonly number[], app: string): number {
  let expected = Math.min(last + 1, numbers[0] ?? 0);
  for (const number of numbers) {
    if (number !== expected) throw new MeasureError(`${app}: line ${number} came where ${expected} was due`);
    expected++;
  }
  if (expected - 1 < last) throw new MeasureError(`${app}: lines after ${expected - 1} are gone`);
  return expected - 1;
}

function numberIn(text: string): number[] {
  const [, digits] = /^line (\d+)$/.exec(text) ?? [];
  return digits === undefined ? [] : [Number(digits)];
}
