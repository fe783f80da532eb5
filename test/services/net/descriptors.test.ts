import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DescriptorError, loadDescriptors, NOTE_BYTES } from '../../../services/net/descriptors.ts';
import { WideSocket } from '../../../services/net/wide-socket.ts';
import { scratchFolder } from '../signal/support.ts';

const note = Buffer.from('whatever');

/** Descriptors of two ends of a Unix socket, of which the second reads nothing by itself. */
async function line(): Promise<{ near: WideSocket; far: WideSocket; from: number; to: number }> {
  const path = join(await scratchFolder(), 'line.sock');
  const accepted = Promise.withResolvers<WideSocket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const far = WideSocket.adopt(socket);
    far.pause();
    accepted.resolve(far);
  }).listen(path);
  await once(server, 'listening');
  const near = new WideSocket().connect({ path });
  const far = await accepted.promise;
  server.close();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far, from: near.descriptor ?? -1, to: far.descriptor ?? -1 };
}

const openDescriptors = () => readdirSync('/proc/self/fd').length;

describe('a descriptor', () => {
  it('arrives with its note, open to the same file', async () => {
    const { from, to } = await line();
    const { send, receive } = await loadDescriptors();
    const file = openSync(import.meta.filename, 'r');
    send(from, file, note);
    const came = receive(to);
    expect(came.note).toEqual(note);
    expect(came.descriptor).not.toBe(file);
    expect(fstatSync(came.descriptor).ino).toBe(fstatSync(file).ino);
    closeSync(file);
    closeSync(came.descriptor);
  });

  it('keeps its place among others', async () => {
    const { from, to } = await line();
    const { send, receive } = await loadDescriptors();
    const file = openSync(import.meta.filename, 'r');
    const before = openDescriptors();
    for (let number = 0; number < 50; number++)
      send(from, file, Buffer.from(String(number).padEnd(NOTE_BYTES)));
    for (let number = 0; number < 50; number++) {
      const came = receive(to);
      expect(Number(came.note.toString())).toBe(number);
      closeSync(came.descriptor);
    }
    expect(openDescriptors()).toBe(before);
    closeSync(file);
  });

  it('carries a connection on, though the first owner closes it', async () => {
    const { from, to } = await line();
    const { send, receive } = await loadDescriptors();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP');
    const peer = connect(address.port);
    const [owned] = await once(server, 'connection');
    server.close();
    send(from, owned instanceof Object ? Reflect.get(Reflect.get(owned, '_handle'), 'fd') : -1, note);
    owned.destroy();
    const went = new WideSocket({ fd: receive(to).descriptor });
    went.end('goes on');
    const [said] = await once(peer, 'data');
    expect(said.toString()).toBe('goes on');
  });

  it('is missing where nothing, or nothing but bytes, was sent', async () => {
    const { near, to } = await line();
    const { receive } = await loadDescriptors();
    expect(() => receive(to)).toThrow(DescriptorError);
    near.write('12345678');
    await once(near.write('', () => near.emit('written')) ? near : near, 'written');
    expect(() => receive(to)).toThrow('what came is no descriptor');
  });

  it('cannot be sent to nobody, nor without a note', async () => {
    const { far, from } = await line();
    const { send } = await loadDescriptors();
    expect(() => send(from, 0, Buffer.alloc(3))).toThrow(RangeError);
    expect(() => send(from, 99_999, note)).toThrow(DescriptorError);
    far.destroy();
    await once(far, 'close');
    expect(() => send(from, 0, note)).toThrow(DescriptorError);
  });
});
