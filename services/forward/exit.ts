import { once } from 'node:events';
import { carry } from '../mesh/carry.ts';
import type { MeshStream } from '../mesh/index.ts';
import { type Address, formatAddress } from '../net/address.ts';
import { WideSocket } from '../net/wide-socket.ts';

/** Longest time for a connection to come up, in milliseconds. */
const connectMs = 10_000;

/** Makes the TCP connection that a stream is to go on in. @throws why there is none; the stream is reset for it then */
export async function passOut(stream: MeshStream, to: Address): Promise<void> {
  const socket = new WideSocket({ allowHalfOpen: true }).setNoDelay();
  const gone = new AbortController();
  const leave = () => gone.abort(new Error('the stream was closed'));
  stream.once('close', leave);
  try {
    socket.connect({ ...to, autoSelectFamily: true });
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(connectMs)]);
    await once(socket, 'connect', { signal });
  } catch (cause) {
    socket.destroy();
    throw new Error(`cannot connect to ${formatAddress(to)}: ${whyOf(cause)}`, { cause });
  } finally {
    stream.off('close', leave);
  }
  await carry(socket, stream);
}

function whyOf(cause: unknown): string {
  if (cause instanceof AggregateError) return whyOf(cause.errors[0]);
  if (!(cause instanceof Error)) return String(cause);
  const { cause: inner } = cause;
  return cause.name === 'AbortError' && inner instanceof Error ? inner.message : cause.message;
}
