/** What travels on the connection of a registered app beside word of its streams: docs/protocol.md, section 7. */
import { fail, integer, shape } from '../signal/shape.ts';
import { remoteOf } from './first-line.ts';
import type { Remote } from './types.ts';

/** Called by the node: {@link Incoming} → null, once the app has opened a connection to accept it. */
export const incomingMethod = 'app.incoming';

export interface Incoming {
  /** Even, and new in this registration. */
  id: number;
  kind: 'stream' | 'channel';
  remote: Remote;
}

export const incomingShape = shape((fields): Incoming => {
  const { kind } = fields;
  if (kind !== 'stream' && kind !== 'channel') return fail('kind', 'stream or channel');
  return { id: integer(fields, 'id', 1), kind, remote: remoteOf(fields) };
});

/** Bounds of this connection, the same at both ends. */
export const controlOptions = {
  maxBytes: 64 * 1024,
  maxBuffered: 4 * 1024 * 1024,
  /** Streams that an app may be about to accept. */
  maxPending: 4_096,
  timeoutMs: 15_000,
};
