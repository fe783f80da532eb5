import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import {
  command,
  decodeMethod,
  decodeReply,
  encodeGreeting,
  encodeRequest,
  method,
  reply,
} from '../../services/socks/protocol.ts';
import { readMessage } from '../../services/socks/read.ts';

/** The transfer could not be begun, or broke. */
export class DownloadFailed extends Error {
  override readonly name = 'DownloadFailed';
}

export interface DownloadOptions {
  /** Port of 127.0.0.1 on which SOCKS is. */
  socksPort: number;
  /** Port of the server's 127.0.0.1. */
  port: number;
  onBytes(count: number): void;
  signal: AbortSignal;
}

/**
 * Downloads a file through SOCKS.
 *
 * @returns SHA-256 of what came, in hexadecimal
 * @throws {DownloadFailed}, or the signal's reason
 */
export async function download({ socksPort, port, onBytes, signal }: DownloadOptions): Promise<string> {
  const socket = connect(socksPort, '127.0.0.1');
  try {
    await throughSocks(socket, port, signal);
    const response = await get(socket, port, signal);
    const hash = createHash('sha256');
    for await (const chunk of response) {
      hash.update(chunk);
      onBytes(chunk.length);
    }
    return hash.digest('hex');
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DownloadFailed(`the download ended: ${why}`, { cause });
  } finally {
    socket.destroy();
  }
}

async function throughSocks(socket: Socket, port: number, signal: AbortSignal): Promise<void> {
  await once(socket, 'connect', { signal });
  socket.write(encodeGreeting([method.none]));
  const chosen = await readMessage(socket, decodeMethod, { what: 'choice of a method', signal });
  if (chosen !== method.none) throw new DownloadFailed('the SOCKS server asks for a password');
  socket.write(encodeRequest({ command: command.connect, destination: { host: '127.0.0.1', port } }));
  const { code } = await readMessage(socket, decodeReply, { what: 'reply', signal });
  if (code !== reply.succeeded) throw new DownloadFailed(`SOCKS answers with ${code}`);
}

async function get(socket: Socket, port: number, signal: AbortSignal): Promise<IncomingMessage> {
  const asked = request({ port, path: '/', createConnection: () => socket, signal }).end();
  // The reader of messages has paused it.
  asked.once('socket', () => socket.resume());
  const [response] = (await once(asked, 'response', { signal })) as [IncomingMessage];
  return response;
}
