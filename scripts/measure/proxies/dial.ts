import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { MeasureError } from '../process.ts';

/** Connects by a SOCKS5 proxy to a port of 127.0.0.1, both there. @throws {MeasureError} the proxy refuses */
export async function dial(proxy: number, target: number): Promise<Socket> {
  const socket = connect({ port: proxy, host: '127.0.0.1', noDelay: true });
  // Whoever reads next is told.
  socket.on('error', () => socket.destroy());
  try {
    await once(socket, 'connect');
    socket.write(Buffer.of(5, 1, 0));
    await readExactly(socket, 2);
    socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]));
    if ((await readExactly(socket, 10))[1] !== 0) throw new MeasureError('the proxy refuses');
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The next so many bytes. @throws {MeasureError} the connection ends before */
export async function readExactly(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = socket.read(bytes);
    if (chunk !== null) return chunk;
    if (socket.destroyed || socket.readableEnded)
      throw new MeasureError('the proxy has closed the connection');
    await Promise.race([once(socket, 'readable'), once(socket, 'end')]);
  }
}
