import { join } from 'node:path';
import type { Mesh } from './mesh.ts';
import type { Program } from './program.ts';
import { deadlineMs, NeverHappened } from './wait.ts';

export interface TransferOptions {
  from: string;
  to: string;
  /** At least so many are sent. Default 0: as many as fit until {@link Transfer.finish}. */
  bytes?: number;
  /** It may end as soon as these have been sent. */
  finish?: boolean;
  /** File that gets what had come by when, see `sink.ts`. */
  timeline?: string | undefined;
}

/** What one end has hashed. */
export interface Digest {
  bytes: number;
  sha256: string;
}

/** Numbers the apps, whose names are unique in a mesh. */
let transfers = 0;

/** Bytes on their way between two apps, programs of their own, until the test lets them end. */
export class Transfer {
  readonly source: Program;
  readonly sink: Program;
  readonly #mesh: Mesh;
  readonly #from: string;
  #bytes = 0;

  /** Resolves when the first bytes have come. */
  static async start(
    mesh: Mesh,
    { from, to, bytes = 0, finish = false, timeline }: TransferOptions,
  ): Promise<Transfer> {
    const name = `sink-${++transfers}`;
    const [near, far] = [mesh.node(from), mesh.node(to)];
    const program = (file: string) => join(import.meta.dirname, file);
    const sinkArgs = [program('sink.ts'), far.socket, name, ...(timeline ? [timeline] : [])];
    const sink = mesh.run(to, name, sinkArgs);
    await sink.line(/^listening$/);
    const sourceArgs = [program('source.ts'), near.socket, `${far.key}/${name}`, String(bytes)];
    const source = mesh.run(from, `source-${transfers}`, sourceArgs);
    if (finish) source.tell('finish');
    const transfer = new Transfer(mesh, from, source, sink);
    await source.line(/^connected$/);
    await transfer.reaches(1);
    return transfer;
  }

  private constructor(mesh: Mesh, from: string, source: Program, sink: Program) {
    this.#mesh = mesh;
    this.#from = from;
    this.source = source;
    this.sink = sink;
    sink.on('line', (line) => {
      const got = /^got (\d+)$/.exec(line)?.[1];
      if (got !== undefined) this.#bytes = Number(got);
    });
  }

  /** Bytes that had come lately. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when so many bytes have come in all. @throws {NeverHappened} */
  async reaches(bytes: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#bytes >= bytes) resolve();
    };
    const fail = () => reject(new NeverHappened(`${this.#bytes} bytes have come, not ${bytes}`));
    const timer = setTimeout(fail, deadlineMs);
    const broken = (line: string) => {
      if (line.startsWith('broken')) reject(new NeverHappened(`the transfer is ${line}`));
    };
    this.sink.on('line', look);
    this.source.on('line', broken);
    look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.sink.off('line', look);
      this.source.off('line', broken);
    }
  }

  /** Resolves when so many more bytes have come than now. */
  async advances(bytes = 8 * 1024 * 1024): Promise<void> {
    await this.reaches(this.#bytes + bytes);
  }

  /** The neighbour by which the source's node sends, found by what goes over its cables while bytes come. */
  async way(): Promise<string> {
    const host = this.#mesh.host(this.#from);
    const neighbours = [...host.addresses.keys()];
    const count = () => Promise.all(neighbours.map((neighbour) => host.sentTo(neighbour)));
    const before = await count();
    await this.advances();
    const after = await count();
    const sent = after.map((bytes, at) => bytes - (before[at] ?? 0));
    return neighbours[sent.indexOf(Math.max(...sent))] ?? '';
  }

  /** The longest time without a byte since the last time it was asked for, milliseconds. */
  async longestGap(): Promise<number> {
    const from = this.sink.printed;
    this.sink.tell('gap');
    const [, gap] = await this.sink.line(/^gap (\S+)$/, from);
    return Number(gap);
  }

  /**
   * Lets the source end, and ends both programs when all has come.
   * @returns what the source has sent, what the sink has got, and what the sink has answered
   */
  async finish(): Promise<{ sent: Digest; got: Digest; answer: string }> {
    this.source.tell('finish');
    const sent = digestOf(await this.source.line(/^(?:sent (\d+) (\w+)|broken .*)$/));
    const [, answer = ''] = await this.source.line(/^(?:answer (\w+)|broken .*)$/);
    const got = digestOf(await this.sink.line(/^done (\d+) (\w+)$/));
    await this.end();
    return { sent, got, answer };
  }

  async end(): Promise<void> {
    await Promise.all([this.source.end(), this.sink.end()]);
  }
}

function digestOf([text, bytes, sha256]: RegExpExecArray): Digest {
  if (bytes === undefined || sha256 === undefined) throw new Error(`the transfer did not end well: ${text}`);
  return { bytes: Number(bytes), sha256 };
}
