import type { Duplex } from 'node:stream';
import { type MeshChannel, MeshError, type MeshErrorCode } from '../../mesh/types.ts';
import { type ReplyCode, reply, SocksError } from '../protocol.ts';

/** The way to a SOCKS server. Both throw {@link MeshError} or the signal's reason. */
export interface Outlet {
  connect(signal: AbortSignal): Promise<Duplex>;
  connectChannel(signal: AbortSignal): Promise<MeshChannel>;
}

/** What a program is told when there is no way to the server. */
const codes: Record<MeshErrorCode, ReplyCode> = {
  'not-found': reply.generalFailure,
  'no-route': reply.networkUnreachable,
  refused: reply.notAllowed,
  'name-taken': reply.generalFailure,
  'node-lost': reply.generalFailure,
  reset: reply.generalFailure,
  timeout: reply.timeToLiveExpired,
  invalid: reply.generalFailure,
};

/** @returns what to tell the program: the error itself when that says it already */
export function explainOutlet(error: unknown): SocksError {
  if (error instanceof SocksError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof MeshError ? codes[error.code] : reply.generalFailure;
  return new SocksError(code, `no way to the server: ${message}`, { cause: error });
}
