import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { PublicKey } from '../net/keys.ts';

/** An app in the mesh: at a node that is known, or wherever the one with this name is. */
export type Target = { node: PublicKey; app: string } | { app: string };

/** The other end of a stream or a channel. */
export interface Remote {
  node: PublicKey;
  app: string;
}

/** Whose streams an app takes: of all members of its rack, of everybody in the mesh, or of these keys. */
export type Access = 'rack' | 'mesh' | readonly PublicKey[];

/**
 * A stream to an app at another node: bytes in order, each once, whatever happens on the way, and both directions end
 * for themselves. Errors are {@link MeshError}.
 */
export interface MeshStream extends Duplex {
  readonly remote: Remote;
}

export interface ChannelEvents {
  message: [payload: Buffer];
  /** Nothing waits any more, after it was so much that the channel was full. */
  drain: [];
  close: [reason: string];
}

/** Datagrams between two apps: each arrives once or not at all, in any order. */
export interface MeshChannel extends EventEmitter<ChannelEvents> {
  readonly remote: Remote;
  /** Bytes that one datagram may have. */
  readonly maxBytes: number;
  /** Much waits to be sent: whoever can should wait too, until the event `drain`. */
  readonly isFull: boolean;
  /**
   * Sends datagrams, or drops them where there is no room. Their bytes must not be changed any more.
   * @returns how many were dropped here. @throws {RangeError} when one is longer than may be
   */
  send(payloads: readonly Buffer[]): number;
  close(reason?: string): void;
}

/** Why something could not be had of the mesh. */
export type MeshErrorCode =
  /** There is no app of this name, or no such node. */
  | 'not-found'
  /** No path leads there now. */
  | 'no-route'
  /** The other end does not want it: not on its list, or not listening. */
  | 'refused'
  /** The name is taken by another app. */
  | 'name-taken'
  /** This end's node cannot be reached, or has ended the connection. */
  | 'node-lost'
  /** The other end, or the way to it, is gone for good. */
  | 'reset'
  /** Nothing came in time. */
  | 'timeout'
  /** What was asked is not understood. */
  | 'invalid';

export class MeshError extends Error {
  override readonly name = 'MeshError';
  readonly code: MeshErrorCode;

  constructor(code: MeshErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
