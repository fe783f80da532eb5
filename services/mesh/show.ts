import { Socket } from 'node:net';
import { limits, managerMethods, type Shown } from '../net/control/messages.ts';
import { type Parser, Peer } from '../signal/jsonrpc.ts';
import { channelOfSocket } from '../signal/lines.ts';
import { dialNode, introduce } from './dial.ts';
import { greetedShape } from './first-line.ts';
import { MeshError } from './types.ts';

/** Longest time for an answer of the manager's, in milliseconds. */
const timeoutMs = 10_000;

/**
 * Asks a node what its manager knows of the mesh.
 * @param node HOST:PORT of the node's app port, or the path of its Unix socket
 * @throws {MeshError} when there is no node; an RpcError when it cannot say
 */
export function showMesh(node: string, what: Shown): Promise<unknown[]> {
  return askNode(node, managerMethods.show, { what }, { parse: listOf });
}

/** One call to a node, as of somebody who is no app. @throws {MeshError} when there is no node; an RpcError */
export async function askNode<R>(
  node: string,
  method: string,
  params: object,
  answer: Parser<R>,
): Promise<R> {
  const signal = AbortSignal.timeout(timeoutMs);
  const socket = await dialNode(node, () => new Socket(), signal);
  await introduce(socket, { want: 'show' }, greetedShape, signal);
  const bounds = { maxBytes: limits.messageBytes, timeoutMs };
  const peer = new Peer(channelOfSocket(socket, bounds), bounds);
  try {
    return await peer.call(method, params, answer);
  } finally {
    peer.close('done');
  }
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new MeshError('invalid', 'the node answers with something else than a list');
}
