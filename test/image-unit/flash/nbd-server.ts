import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** What a disk of a test does; what it throws, a client gets as an I/O error. */
export interface Disk {
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
  write(offset: number, data: Buffer): Promise<void>;
}

/** Of the NBD protocol (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). */
const OPTION_GO = 7;
const REPLY = { ack: 1, info: 3, unsupported: 0x80000001 };
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 };
/** The flags are valid, and there is a flush. */
const DISK_FLAGS = 1 | 4;
const EIO = 5;

/** Serves a disk on a Unix socket to one client after another. */
export class NbdServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async listen(path: string, disk: Disk): Promise<NbdServer> {
    const served = new NbdServer(disk);
    served.#server.listen(path);
    await once(served.#server, 'listening');
    return served;
  }

  private constructor(disk: Disk) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      serve(socket, disk).catch((error: unknown) =>
        socket.destroy(error instanceof Error ? error : undefined),
      );
      socket.on('error', () => socket.destroy());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function serve(socket: Socket, disk: Disk): Promise<void> {
  const input = new Input(socket);
  const hello = Buffer.alloc(18);
  hello.write('NBDMAGICIHAVEOPT', 'latin1');
  hello.writeUInt16BE(3, 16);
  socket.write(hello);
  await input.take(4);
  for (;;) {
    const head = await input.take(16);
    const option = head.readUInt32BE(8);
    await input.take(head.readUInt32BE(12));
    if (option !== OPTION_GO) {
      socket.write(optionReply(option, REPLY.unsupported, Buffer.alloc(0)));
      continue;
    }
    const info = Buffer.alloc(12);
    info.writeBigUInt64BE(BigInt(disk.size), 2);
    info.writeUInt16BE(DISK_FLAGS, 10);
    socket.write(optionReply(option, REPLY.info, info));
    socket.write(optionReply(option, REPLY.ack, Buffer.alloc(0)));
    break;
  }
  await commands(socket, input, disk);
}

async function commands(socket: Socket, input: Input, disk: Disk): Promise<void> {
  for (;;) {
    const head = await input.take(28);
    const type = head.readUInt16BE(6);
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    if (type === COMMAND.disconnect) break;
    const data = type === COMMAND.write ? await input.take(length) : Buffer.alloc(0);
    const reply = Buffer.alloc(16);
    reply.writeUInt32BE(0x67446698, 0);
    head.copy(reply, 8, 8, 16);
    try {
      if (type === COMMAND.write) await disk.write(offset, data);
      const content = type === COMMAND.read ? await disk.read(offset, length) : Buffer.alloc(0);
      socket.write(Buffer.concat([reply, content]));
    } catch {
      reply.writeUInt32BE(EIO, 4);
      socket.write(reply);
    }
  }
  socket.end();
}

function optionReply(option: number, type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(0x3e889045565a9n, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(data.length, 16);
  return Buffer.concat([head, data]);
}

/** What a socket brings, in portions as they are asked for. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    const parts = [this.#rest];
    let have = this.#rest.length;
    while (have < length) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new RangeError('the client has gone');
      parts.push(value);
      have += value.length;
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts, have);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }
}
