import { createServer, type Socket } from 'node:net';
import { type DiskRecord, OutsideDisk, SECTOR_BYTES } from './disk-record.ts';

/** A client that does not speak NBD, or asks for what was not offered. */
export class NbdError extends Error {
  override readonly name = 'NbdError';
}

export interface NbdServer extends AsyncDisposable {
  /** Path of the Unix socket. */
  readonly path: string;
  /** What went wrong on a connection, which was then ended. */
  readonly problems: readonly Error[];
}

/**
 * Serves a disk over NBD (its fixed newstyle negotiation, simple replies; doc/proto.md of the NBD project) on a Unix
 * socket, and records what is done to it. It has a cache that only a flush empties: no write is forced through it, and
 * neither trimming nor writing zeros is offered, so that everything that changes the disk is a write with its data.
 */
export async function serveNbd(path: string, record: DiskRecord): Promise<NbdServer> {
  const sockets = new Set<Socket>();
  const problems: Error[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that is killed, as QEMU is when a board's plug is pulled, ends its connection as it likes.
    socket.on('error', () => socket.destroy());
    serve(socket, record, (problem) => problems.push(problem));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    path,
    problems,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What is asked for next: so many bytes, more than none. The answer is just these. */
type Conversation = Generator<number, void, Buffer>;

interface Client {
  write(...pieces: Buffer[]): void;
  /** How many events had been answered before what is being read now came. */
  answered(): number;
}

function serve(socket: Socket, record: DiskRecord, onProblem: (problem: Error) => void): void {
  let answered = 0;
  const client: Client = {
    write: (...pieces) => {
      for (const piece of pieces) socket.write(piece);
    },
    answered: () => answered,
  };
  const conversation = talk(client, record);
  let wanted = conversation.next();
  socket.on('readable', () => {
    // The answers to what came together leave together: a flush among it does not cover the writes among it.
    answered = record.events.length;
    socket.cork();
    try {
      while (!wanted.done) {
        const bytes: Buffer | null = socket.read(wanted.value);
        if (bytes === null || bytes.length < wanted.value) break;
        wanted = conversation.next(bytes);
      }
    } catch (error) {
      if (!(error instanceof NbdError || error instanceof OutsideDisk)) throw error;
      onProblem(error);
      socket.destroy();
      return;
    }
    socket.uncork();
    if (wanted.done) socket.end();
  });
}

const OPTION = { exportName: 1, abort: 2, info: 6, go: 7 } as const;
const REPLY = { ack: 1, info: 3, unsupported: 0x8000_0001 } as const;
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;
const INFO = { export: 0, blockSize: 3 } as const;
const FIXED_NEWSTYLE = 1;
const NO_ZEROES = 2;
const HAS_FLAGS = 1;
const SENDS_FLUSH = 4;
const OPTION_MAGIC = Buffer.from('IHAVEOPT');
const REPLY_MAGIC = 0x0003_e889_0455_65a9n;
const REQUEST_MAGIC = 0x2560_9513;
const ANSWER_MAGIC = 0x6744_6698;
/** Of an option's data, and of a read or write. */
const MAX_OPTION_BYTES = 4096;
const MAX_REQUEST_BYTES = 32 * 1024 * 1024;

function* talk(client: Client, record: DiskRecord): Conversation {
  if (yield* negotiate(client, record)) yield* transmit(client, record);
}

/** @returns whether the client wants the disk */
function* negotiate(client: Client, { size }: DiskRecord): Generator<number, boolean, Buffer> {
  client.write(Buffer.from('NBDMAGIC'), OPTION_MAGIC, uint16(FIXED_NEWSTYLE | NO_ZEROES));
  const flags = (yield 4).readUInt32BE();
  for (;;) {
    const head = yield 16;
    if (!head.subarray(0, 8).equals(OPTION_MAGIC)) throw new NbdError('an option without its magic number');
    const option = head.readUInt32BE(8);
    const length = head.readUInt32BE(12);
    if (length > MAX_OPTION_BYTES) throw new NbdError(`an option of ${length} bytes`);
    if (length > 0) yield length;
    const reply = (type: number, data: Buffer = Buffer.alloc(0)) =>
      client.write(uint64(REPLY_MAGIC), uint32(option), uint32(type), uint32(data.length), data);
    switch (option) {
      case OPTION.exportName:
        client.write(exportInfo(size));
        if ((flags & NO_ZEROES) === 0) client.write(Buffer.alloc(124));
        return true;
      case OPTION.info:
      case OPTION.go:
        reply(REPLY.info, Buffer.concat([uint16(INFO.export), exportInfo(size)]));
        reply(REPLY.info, Buffer.concat([uint16(INFO.blockSize), blockSizes()]));
        reply(REPLY.ack);
        if (option === OPTION.go) return true;
        break;
      case OPTION.abort:
        reply(REPLY.ack);
        return false;
      default:
        reply(REPLY.unsupported);
    }
  }
}

function* transmit(client: Client, record: DiskRecord): Conversation {
  for (;;) {
    const head = yield 28;
    if (head.readUInt32BE() !== REQUEST_MAGIC) throw new NbdError('a request without its magic number');
    const command = head.readUInt16BE(6);
    const offset = Number(head.readBigUInt64BE(16));
    const length = head.readUInt32BE(24);
    if (length > MAX_REQUEST_BYTES) throw new NbdError(`a request of ${length} bytes`);
    const answer = Buffer.concat([uint32(ANSWER_MAGIC), uint32(0), head.subarray(8, 16)]);
    switch (command) {
      case COMMAND.read:
        client.write(answer, record.read(offset, length));
        break;
      case COMMAND.write:
        record.write(offset, length === 0 ? Buffer.alloc(0) : yield length);
        client.write(answer);
        break;
      case COMMAND.flush:
        record.flush(client.answered());
        client.write(answer);
        break;
      case COMMAND.disconnect:
        return;
      default:
        throw new NbdError(`command ${command}, which was not offered`);
    }
  }
}

function exportInfo(size: number): Buffer {
  return Buffer.concat([uint64(BigInt(size)), uint16(HAS_FLAGS | SENDS_FLUSH)]);
}

/** Smallest, preferred and largest request. */
function blockSizes(): Buffer {
  return Buffer.concat([uint32(SECTOR_BYTES), uint32(4096), uint32(MAX_REQUEST_BYTES)]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
