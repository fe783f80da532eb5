import { Duplex } from 'node:stream';
import { MeshError, type MeshStream, type Remote } from '../../mesh/types.ts';

type Done = (error?: Error | null) => void;

/** Bytes that wait between two apps of the same node in each direction. */
const highWaterMark = 256 * 1024;

/**
 * Both ends of a stream between two apps of the same node, which needs no circuit.
 * @param remotes whom the first and the second end see at the other
 */
export function localStreams([one, other]: [Remote, Remote]): [MeshStream, MeshStream] {
  const near = new LocalEnd(one);
  const far = new LocalEnd(other);
  near.join(far);
  far.join(near);
  return [near, far];
}

/** Not of `duplexPair`, where an end that is destroyed looks at the other one as if it had ended. */
class LocalEnd extends Duplex implements MeshStream {
  readonly remote: Remote;
  #other: LocalEnd | undefined;
  /** The other end's write, which waits for this one to be read. */
  #taken: Done | undefined;

  constructor(remote: Remote) {
    super({ highWaterMark });
    this.remote = remote;
    // The app's end hears of it; without a listener it would be the process.
    this.on('error', () => undefined);
  }

  join(other: LocalEnd): void {
    this.#other = other;
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#other) this.#other.#take(chunk, done);
  }

  override _final(done: Done): void {
    this.#other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    const ended = this.readableEnded && this.writableFinished;
    if (!ended)
      this.#other?.destroy(new MeshError('reset', error?.message ?? 'the app has closed the stream'));
    done(error);
  }

  #take(chunk: Buffer, done: Done): void {
    if (this.push(chunk)) done();
    else this.#taken = done;
  }
}
