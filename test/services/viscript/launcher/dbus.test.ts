import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bus, BusClosed, DBusError } from '../../../../services/viscript/launcher/dbus.ts';

const driver = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/** Against a message bus of its own: the reference implementation, dbus-daemon. */
describe('a bus client', () => {
  let folder: string;
  let daemon: ChildProcess;
  let address: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viscript-dbus-'));
    address = `unix:path=${join(folder, 'bus')}`;
    daemon = await startDaemon(address);
  });

  afterAll(async () => {
    daemon.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  it('calls a method and gets what it returns', async () => {
    const bus = await Bus.connect(address);
    const [names] = await bus.call({ ...driver, member: 'ListNames' });
    expect(names).toContain('org.freedesktop.DBus');
    bus.close();
  });

  it('rejects with the name of the error that the other side answers', async () => {
    const bus = await Bus.connect(address);
    const refused = bus.call({ ...driver, member: 'GetNameOwner' }, 's', ['org.example.Nobody']);
    await expect(refused).rejects.toThrow(DBusError);
    await expect(refused).rejects.toMatchObject({ errorName: 'org.freedesktop.DBus.Error.NameHasNoOwner' });
    bus.close();
  });

  it('hears the signals it listens to until it stops listening', async () => {
    const [bus, other] = [await Bus.connect(address), await Bus.connect(address)];
    const heard: unknown[] = [];
    const rule = { sender: driver.destination, ...driver, member: 'NameOwnerChanged' };
    const first = Promise.withResolvers<void>();
    const stop = await bus.listen(rule, ([name]) => {
      heard.push(name);
      first.resolve();
    });
    await other.call({ ...driver, member: 'RequestName' }, 'su', ['org.example.One', 0]);
    await first.promise;
    stop();
    await other.call({ ...driver, member: 'RequestName' }, 'su', ['org.example.Two', 0]);
    await bus.call({ ...driver, member: 'GetId' });
    expect(heard).toEqual(['org.example.One']);
    bus.close();
    other.close();
  });

  it('rejects what is under way when the bus goes, and says so', async () => {
    const elsewhere = `unix:path=${join(folder, 'mortal')}`;
    const mortal = await startDaemon(elsewhere);
    const bus = await Bus.connect(elsewhere);
    mortal.kill('SIGSTOP');
    const pending = bus.call({ ...driver, member: 'ListNames' });
    mortal.kill('SIGKILL');
    await expect(pending).rejects.toThrow(BusClosed);
    await bus.closed;
    await expect(bus.call({ ...driver, member: 'ListNames' })).rejects.toThrow(BusClosed);
  });

  it('says where nobody answers', async () => {
    const nowhere = join(folder, 'nowhere');
    await expect(Bus.connect(`unix:path=${nowhere}`)).rejects.toThrow(`no connection to D-Bus at ${nowhere}`);
    await expect(Bus.connect('tcp:host=127.0.0.1')).rejects.toThrow('not of the form unix:path=');
  });

  it('gives up on a server that hangs up in the middle of the handshake', async () => {
    const path = join(folder, 'rude');
    const server = createServer((socket) => socket.once('data', () => socket.destroy())).listen(path);
    await once(server, 'listening');
    await expect(Bus.connect(`unix:path=${path}`)).rejects.toThrow(BusClosed);
    server.close();
  });
});

async function startDaemon(address: string): Promise<ChildProcess> {
  const child = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=1', `--address=${address}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('dbus-daemon does not start'))),
    once(child, 'error').then(([error]) => Promise.reject(error)),
  ]);
  return child;
}
