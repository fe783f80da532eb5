/**
 * What a console sends to those who look on, over a Unix socket: frames of `[length 4, big endian][kind 1][payload]`;
 * the length counts kind and payload. First comes one `hello`, then `shown` as it comes; `dropped` is the last one where
 * the console ends it. Nothing is ever sent the other way.
 */
export type Kind = 'hello' | 'shown' | 'dropped';

export interface Frame {
  kind: Kind;
  /** `hello`: what the board is called; `dropped`: why; `shown`: bytes for a terminal. */
  payload: Buffer;
}

/** Something else than a console answers. */
export class WatchProtocolError extends Error {
  override readonly name = 'WatchProtocolError';
}

/** Bytes of a payload at most. */
export const MAX_PAYLOAD = 64 * 1024;
/** Of one that is no output. */
export const MAX_TEXT = 1024;

const KINDS: Readonly<Record<Kind, number>> = { hello: 0x68, shown: 0x73, dropped: 0x64 };

/** Output as frames, as many as it takes. */
export function encodeShown(bytes: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MAX_PAYLOAD)
    frames.push(encode('shown', bytes.subarray(at, at + MAX_PAYLOAD)));
  return Buffer.concat(frames);
}

export function encodeText(kind: 'hello' | 'dropped', text: string): Buffer {
  return encode(kind, Buffer.from(text).subarray(0, MAX_TEXT));
}

/** Cuts what comes into frames; keeps at most one that is not complete. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;

  /** @throws {WatchProtocolError} */
  *read(chunk: Buffer): Generator<Frame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 5) {
      const length = bytes.readUInt32BE(0);
      const kind = this.#kindOf(bytes[4] ?? 0);
      const most = kind === 'shown' ? MAX_PAYLOAD : MAX_TEXT;
      if (length < 1 || length > 1 + most) throw new WatchProtocolError(`a frame of ${length} bytes`);
      if (bytes.length < 4 + length) break;
      yield { kind, payload: bytes.subarray(5, 4 + length) };
      this.#greeted = true;
      bytes = bytes.subarray(4 + length);
    }
    // A copy, lest a few bytes keep a large buffer.
    this.#rest = Buffer.from(bytes);
  }

  #kindOf(byte: number): Kind {
    const kind = (['hello', 'shown', 'dropped'] as const).find((name) => KINDS[name] === byte);
    if (kind === undefined) throw new WatchProtocolError(`a frame of kind ${byte}`);
    if ((kind === 'hello') === this.#greeted)
      throw new WatchProtocolError(`${kind} where it does not belong`);
    return kind;
  }
}

function encode(kind: Kind, payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + payload.length, 0);
  head[4] = KINDS[kind];
  return Buffer.concat([head, payload]);
}
