import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { carry } from '../../mesh/carry.ts';
import { abort, type SpliceCount } from '../../mesh/splice.ts';
import { Deadline } from '../deadline.ts';
import { farewell } from '../farewell.ts';
import {
  command,
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  type Request,
  reply,
  SocksError,
} from '../protocol.ts';
import { readMessage } from '../read.ts';
import { associate } from './association.ts';
import { type Guard, negotiate } from './negotiate.ts';
import { explainOutlet, type Outlet } from './outlet.ts';

export interface SessionOptions {
  outlet: Outlet;
  guard: Guard;
  /** Longest time for a program to say what it wants, in milliseconds. */
  handshakeMs: number;
  /** Longest time for the server to do it, in milliseconds. */
  connectMs: number;
  /** Forth is towards the server. */
  count: SpliceCount;
  /** The program has said what it wants. */
  onRequest(request: Request): void;
  /** The program's connection goes on in this stream, which stands for both from here on. */
  onStream(stream: Duplex): void;
}

/**
 * Serves one program to the end of its connection.
 * @throws {NotAdmitted} {MessageMissing} when it did not get to a request, or broke off; its connection is ended then
 * @throws {SocksError} what it was told
 */
export async function serveProgram(socket: Socket, options: SessionOptions): Promise<void> {
  // The socket closes then, which is what everybody here waits for.
  socket.on('error', () => undefined);
  try {
    await fulfil(socket, await readRequest(socket, options), options);
  } catch (error) {
    if (error instanceof SocksError) farewell(socket, encodeReply(error.code));
    else if (!socket.writableEnded) socket.destroy();
    throw error;
  }
}

async function readRequest(socket: Socket, options: SessionOptions): Promise<Request> {
  using deadline = new Deadline(socket, options.handshakeMs, () => new Error('it took too long'));
  const { signal } = deadline;
  await negotiate(socket, options.guard, signal);
  const request = await readMessage(socket, decodeRequest, { what: 'request', signal });
  options.onRequest(request);
  return request;
}

async function fulfil(socket: Socket, request: Request, options: SessionOptions): Promise<void> {
  if (request.command === command.connect) await connect(socket, request, options);
  else if (request.command === command.associate) await associate(socket, request.destination, options);
  else throw new SocksError(reply.commandNotSupported, `there is no command ${request.command} here`);
}

async function connect(socket: Socket, request: Request, options: SessionOptions): Promise<void> {
  const stream = await open(socket, request, options);
  socket.write(encodeReply(reply.succeeded));
  options.onStream(stream);
  await carry(socket, stream, options.count);
}

/** @returns a stream on which the server has answered that it is connected. @throws {SocksError} */
async function open(socket: Socket, request: Request, { outlet, connectMs }: SessionOptions) {
  const late = () => new SocksError(reply.timeToLiveExpired, `no answer in ${connectMs} ms`);
  using deadline = new Deadline(socket, connectMs, late);
  const { signal } = deadline;
  const stream = await outlet.connect(signal).catch((error: unknown) => {
    throw explainOutlet(error);
  });
  stream.on('error', () => undefined);
  stream.write(encodeRequest(request));
  const answer = await readMessage(stream, decodeReply, { what: 'reply', signal }).catch((error: unknown) => {
    const told = explainOutlet(signal.aborted ? signal.reason : (stream.errored ?? error));
    abort(stream, told);
    throw told;
  });
  if (answer.code === reply.succeeded) return stream;
  farewell(stream);
  throw new SocksError(answer.code, `the server cannot connect to ${request.destination.host}`);
}
