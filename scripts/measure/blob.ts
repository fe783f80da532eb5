/**
 * A program, `blob.ts PORT [ADDRESS]`: an HTTP server that answers `/BYTES` with so many bytes, and echoes on the port
 * after it. It listens on 127.0.0.1 unless told otherwise.
 */
import { createServer, type Socket } from 'node:net';

const chunk = Buffer.alloc(256 * 1024, 'skyminer');
const [portText, address = '127.0.0.1'] = process.argv.slice(2);
const port = Number(portText);

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (request) => {
    const bytes = Number(/^GET \/(\d+) /.exec(request.toString('latin1'))?.[1] ?? 0);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`);
    send(socket, bytes);
  });
}).listen(port, address);

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
}).listen(port + 1, address);

function send(socket: Socket, bytes: number): void {
  let left = bytes;
  while (left > 0) {
    const next = chunk.subarray(0, Math.min(left, chunk.length));
    left -= next.length;
    if (!socket.write(next)) {
      socket.once('drain', () => send(socket, left));
      return;
    }
  }
  socket.end();
}
