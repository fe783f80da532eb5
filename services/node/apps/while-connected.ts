import type { Socket } from 'node:net';
import { type MeshChannel, MeshError, type MeshStream } from '../../mesh/types.ts';

/**
 * Does something that an app waits for, and gives it up when the app closes its socket or the time is over. The app may
 * send nothing meanwhile.
 * @param limit gives it up, too
 * @throws {MeshError} `timeout`, `reset`, `invalid`; or what `work` throws. What `work` still brings then is released.
 */
export async function whileConnected<T extends MeshStream | MeshChannel>(
  socket: Socket,
  { limit, timeoutMs }: { limit: AbortController; timeoutMs: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const leave = () => limit.abort(new MeshError('reset', 'the app has given up'));
  const read = () => {
    if (socket.read() !== null) limit.abort(new MeshError('invalid', 'bytes before the answer has come'));
  };
  const expire = () => limit.abort(new MeshError('timeout', `not opened within ${timeoutMs / 1000} s`));
  const timer = setTimeout(expire, timeoutMs);
  socket.on('readable', read).once('end', leave).once('close', leave);
  if (socket.destroyed || socket.readableEnded) leave();
  else read();
  try {
    limit.signal.throwIfAborted();
    const opened = await work(limit.signal);
    if (limit.signal.aborted) release(opened, limit.signal.reason);
    limit.signal.throwIfAborted();
    return opened;
  } finally {
    clearTimeout(timer);
    socket.off('readable', read).off('end', leave).off('close', leave);
  }
}

function release(opened: MeshStream | MeshChannel, reason: Error): void {
  if ('destroy' in opened) opened.destroy(reason);
  else opened.close(reason.message);
}
