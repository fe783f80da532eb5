import type { Duplex } from 'node:stream';
import { DescriptorError } from '../net/descriptors.ts';
import { WideSocket } from '../net/wide-socket.ts';
import { CallTimeout, ConnectionLost, InvalidResult, PeerBusy, RpcError } from '../signal/jsonrpc.ts';
import { Splice, type SpliceCount, splice } from './splice.ts';
import { MeshSocket, type Passer, type StreamOver } from './stream.ts';
import { MeshError } from './types.ts';

/** Bytes after which a stream is bulk: what is shorter is over before handing it over would have paid. */
const bulkBytes = 512 * 1024;
/** Milliseconds in which a stream comes to rest. One whose program does not read goes on here: it may have much to send. */
const quietMs = 1_000;

/**
 * Joins a socket and a stream of the mesh, as {@link splice} does. Once they carry much, the socket is handed to the node, which
 * then moves the bytes without the detour through this process; the stream still stands for both, and ends them when it is
 * destroyed.
 *
 * @param count forth is from the socket to the stream. What passes the node by itself is counted when the stream is over
 * @returns when all is over: the error that ended it, or nothing
 */
export function carry(
  socket: Duplex,
  stream: Duplex,
  count: SpliceCount = { forth: 0, back: 0 },
): Promise<Error | undefined> {
  if (!(socket instanceof WideSocket) || !(stream instanceof MeshSocket) || stream.passer === undefined)
    return splice(socket, stream, count);
  return carryBulk(socket, stream, stream.passer, count);
}

async function carryBulk(
  socket: WideSocket,
  stream: MeshSocket,
  passer: Passer,
  count: SpliceCount,
): Promise<Error | undefined> {
  const joined = new Splice(socket, stream, count);
  const passed = Promise.withResolvers<{ over: Promise<StreamOver> }>();
  joined.onProgress = () => {
    const { sent, received } = stream.carried;
    if (sent + received < bulkBytes) return;
    joined.onProgress = undefined;
    handOver(joined, socket, stream, passer).then((done) => {
      if (done) passed.resolve(done);
    }, passed.reject);
  };
  const end = await Promise.race([joined.closed, passed.promise]);
  if (end === undefined || end instanceof Error) return end;
  const { sent, received, reason } = await end.over;
  count.forth += sent;
  count.back += received;
  return reason === undefined ? undefined : new MeshError('reset', reason);
}

/**
 * Brings everything that is in this process to where it goes, and then sends the socket to the node.
 * @returns undefined when the two stay joined here: the node takes no sockets, or one direction has ended meanwhile
 */
async function handOver(
  joined: Splice,
  socket: WideSocket,
  stream: MeshSocket,
  passer: Passer,
): Promise<{ over: Promise<StreamOver> } | undefined> {
  try {
    const { bytes } = await passer.hold(stream.id);
    const { descriptor } = socket;
    if ((await quiet(joined, socket, stream, bytes)) && descriptor !== undefined) {
      passer.send(stream.id, descriptor);
      joined.leave();
      // The node has it open too: this closes nothing but the descriptor here.
      socket.destroy();
      return { over: stream.pass() };
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  stream.unhold();
  joined.unhold();
  return undefined;
}

/** @returns whether both directions are open and empty, with `bytes` received of the stream; false when they do not come to it */
async function quiet(
  joined: Splice,
  socket: WideSocket,
  stream: MeshSocket,
  bytes: number,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), quietMs);
  const look = () => {
    joined.hold();
    if (!joined.open) resolve(false);
    else if (joined.quiet && stream.carried.received === bytes) resolve(true);
  };
  joined.onProgress = look;
  socket.once('close', look);
  stream.once('close', look);
  look();
  const found = await promise;
  clearTimeout(timer);
  joined.onProgress = undefined;
  socket.off('close', look);
  stream.off('close', look);
  return found;
}

/** The node answers that it does not, or cannot be asked: both stay joined here, which carries as much if slower. */
function isRefusal(error: unknown): boolean {
  return [RpcError, CallTimeout, ConnectionLost, PeerBusy, InvalidResult, DescriptorError, MeshError].some(
    (kind) => error instanceof kind,
  );
}
