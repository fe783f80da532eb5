import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DiskRecord } from '../../../../scripts/endurance/power/disk-record.ts';
import { type NbdServer, serveNbd } from '../../../../scripts/endurance/power/nbd-server.ts';
import { readExactly } from '../../../../scripts/measure/proxies/dial.ts';

let folder: string;
let record: DiskRecord;
let server: NbdServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nbd-'));
  await writeFile(join(folder, 'base'), Buffer.alloc(8192, 7));
  record = new DiskRecord(join(folder, 'base'));
  server = await serveNbd(join(folder, 'socket'), record);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  record[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

/** A client that has asked for the disk by its oldest way (NBD_OPT_EXPORT_NAME), and knows its size. */
async function open() {
  const socket = connect(server.path);
  await once(socket, 'connect');
  expect((await readExactly(socket, 18)).toString('latin1', 0, 16)).toBe('NBDMAGICIHAVEOPT');
  socket.write(Buffer.concat([number(3, 4), Buffer.from('IHAVEOPT'), number(1, 4), number(0, 4)]));
  const info = await readExactly(socket, 10);
  expect(info.readBigUInt64BE()).toBe(8192n);
  return socket;
}

function number(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, Math.max(0, bytes - 6), Math.min(6, bytes));
  return buffer;
}

function request(command: number, offset: number, length: number, data = Buffer.alloc(0)): Buffer {
  const head = [number(0x25609513, 4), number(0, 2), number(command, 2), number(9, 8)];
  return Buffer.concat([...head, number(offset, 8), number(length, 4), data]);
}

it('reads, writes and flushes, and records it', async () => {
  const socket = await open();
  socket.write(request(1, 512, 512, Buffer.alloc(512, 1)));
  await readExactly(socket, 16);
  socket.write(request(3, 0, 0));
  await readExactly(socket, 16);
  socket.write(request(0, 0, 1024));
  const answer = await readExactly(socket, 16 + 1024);
  expect(answer.readUInt32BE()).toBe(0x67446698);
  expect(answer.readBigUInt64BE(8)).toBe(9n);
  expect(answer.subarray(16)).toEqual(Buffer.concat([Buffer.alloc(512, 7), Buffer.alloc(512, 1)]));
  expect(record.events).toEqual([
    { kind: 'write', offset: 512, data: Buffer.alloc(512, 1) },
    { kind: 'flush', covers: 1 },
  ]);
  socket.destroy();
});

it('lets a flush cover no write that was not answered when it came', async () => {
  const socket = await open();
  socket.write(Buffer.concat([request(1, 0, 512, Buffer.alloc(512, 1)), request(3, 0, 0)]));
  await readExactly(socket, 32);
  expect(record.events[1]).toEqual({ kind: 'flush', covers: 0 });
  socket.destroy();
});

it('ends a connection that asks for what is not there, and tells of it', async () => {
  for (const wrong of [request(0, 8192, 512), request(4, 0, 512), Buffer.alloc(28)]) {
    const socket = await open();
    socket.write(wrong);
    await once(socket, 'close');
  }
  expect(server.problems.map(({ name }) => name)).toEqual(['OutsideDisk', 'NbdError', 'NbdError']);
});
