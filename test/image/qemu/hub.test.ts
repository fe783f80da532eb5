import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameReader } from '../../../image/qemu/frames.ts';
import { Hub, runHub } from '../../../image/qemu/index.ts';
import { UBoot } from './u-boot.ts';

const A = '52:54:00:00:00:01';
const B = '52:54:00:00:00:02';
const C = '52:54:00:00:00:03';
const ALL = 'ff:ff:ff:ff:ff:ff';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer-hub-'));
  path = join(folder, 'hub.sock');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('two boards on a hub', () => {
  it('reach each other until one is cut off, and again when it is restored', async () => {
    // U-Boot reads the first byte of its card's address six times over, so the six bytes are equal here.
    const cutOff = '56:56:56:56:56:56';
    await using hub = await Hub.listen(path);
    await using one = await UBoot.start({ network: 'none', hub: { path, mac: '52:52:52:52:52:52' } });
    await using two = await UBoot.start({ network: 'none', hub: { path, mac: cutOff } });
    await one.run('setenv ipaddr 10.9.0.1; setenv netmask 255.255.255.0');
    await two.run('setenv ipaddr 10.9.0.2; setenv netmask 255.255.255.0');
    // U-Boot answers the network only while it waits for it itself.
    await two.line.write('while true; do ping 10.9.0.99; done\r');
    await two.line.waitFor(/Using/, { timeoutMs: 60_000 });

    const alive = 'until ping 10.9.0.2; do true; done; echo reached';
    expect(await one.run(alive)).toMatch(/reached/);
    hub.cut(cutOff);
    await one.line.write('ping 10.9.0.2\r');
    await expect.poll(() => hub.counters.faulty, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
    await one.line.write('\x03');
    await one.line.waitFor(/not alive\r?\n=> /, { timeoutMs: 60_000 });
    hub.restore(cutOff);
    expect(await one.run(alive)).toMatch(/reached/);
  });
});

describe('a hub', () => {
  it('lets only its own user connect', async () => {
    await using hub = await Hub.listen(path);
    expect((await stat(hub.path)).mode & 0o777).toBe(0o600);
  });

  it('sends to all until it has learned where an address is', async () => {
    await using hub = await Hub.listen(path);
    await using a = await Plug.into(hub.path);
    await using b = await Plug.into(hub.path);
    await using c = await Plug.into(hub.path);
    a.send(B, A, 'for b, unknown');
    expect(await b.next()).toBe('for b, unknown');
    expect(await c.next()).toBe('for b, unknown');
    b.send(A, B, 'for a');
    expect(await a.next()).toBe('for a');
    a.send(B, A, 'for b, known');
    a.send(ALL, A, 'for all');
    expect([await b.next(), await b.next()]).toEqual(['for b, known', 'for all']);
    expect(await c.next()).toBe('for all');
  });

  it('passes nothing from or to a board that is cut off', async () => {
    await using hub = await Hub.listen(path);
    await using a = await Plug.into(hub.path);
    await using b = await Plug.into(hub.path);
    await using c = await Plug.into(hub.path);
    b.send(ALL, B, 'hello');
    expect([await a.next(), await c.next()]).toEqual(['hello', 'hello']);
    hub.cut(B);
    b.send(ALL, B, 'from b');
    a.send(ALL, A, 'from a');
    expect(await c.next()).toMatch(/from a/);
    await expect.poll(() => hub.counters.faulty).toBe(3);
    hub.restore(B);
    a.send(B, A, 'again');
    expect(await b.next()).toBe('again');
  });

  it('delays frames and keeps their order when the delay becomes shorter', async () => {
    await using hub = await Hub.listen(path);
    await using a = await Plug.into(hub.path);
    await using b = await Plug.into(hub.path);
    b.send(ALL, B, 'hello');
    await a.next();
    hub.delay(B, 200);
    const since = performance.now();
    a.send(B, A, 'slow');
    await expect.poll(() => hub.counters.forwarded).toBe(2);
    hub.delay(B, 0);
    a.send(B, A, 'fast');
    expect(await b.next()).toBe('slow');
    expect(performance.now() - since).toBeGreaterThanOrEqual(200);
    expect(await b.next()).toBe('fast');
  });

  it('drops the same frames in every run with the same seed', async () => {
    const survivors = () => survivorsOf(join(folder, 'seeded.sock'), 7);
    const first = await survivors();
    expect(first.length).toBeGreaterThan(50);
    expect(first.length).toBeLessThan(150);
    expect(await survivors()).toEqual(first);
  });

  it('holds a bounded number of bytes for a board that does not read', async () => {
    await using hub = await Hub.listen(path);
    await using a = await Plug.into(hub.path);
    await using b = await Plug.into(hub.path);
    await using c = await Plug.into(hub.path);
    b.send(ALL, B, 'hello');
    await Promise.all([a.next(), c.next()]);
    b.socket.pause();
    const large = 'x'.repeat(60_000);
    for (let count = 0; count < 150; count++) a.send(B, A, large);
    a.send(C, A, 'past the full one');
    while (!(await c.next()).startsWith('past'));
    expect(hub.counters.overflowed).toBeGreaterThan(0);
    b.socket.resume();
    expect(await b.next()).toBe(large);
  });

  it('unplugs a board that sends no frames, and no other', async () => {
    await using hub = await Hub.listen(path);
    await using a = await Plug.into(hub.path);
    await using b = await Plug.into(hub.path);
    await using bad = await Plug.into(hub.path);
    bad.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
    await once(bad.socket, 'close');
    a.send(ALL, A, 'still here');
    expect(await b.next()).toBe('still here');
    expect(hub.counters.malformed).toBe(1);
  });

  it('takes the place of one that was killed, but not of one that runs', async () => {
    await using hub = await Hub.listen(path);
    await expect(Hub.listen(hub.path)).rejects.toThrow(/EADDRINUSE/);
    const orphan = join(folder, 'orphan.sock');
    await leaveSocketBehind(orphan);
    await using next = await Hub.listen(orphan);
    await using plug = await Plug.into(next.path);
    expect(plug.socket.destroyed).toBe(false);
  });

  it('does what is typed into it, and explains what it does not understand', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const done = runHub({ path, input, output });
    input.end(
      `cut ${A}\ndelay ${A} 5\ndrop ${A} 0.5\nrestore ${A}\nshow\ncut nobody\ndelay ${A} long\nwhat\n`,
    );
    await done;
    const text = String(output.read());
    expect(text).toMatch(/is cut off\n.*5 ms slower\n.*loses 50 %.*\n.*as it should be\n0 frames forwarded/);
    expect(text).toMatch(/nobody: not a MAC address/);
    expect(text).toMatch(/a delay of NaN ms/);
  });
});

/** What of 200 frames comes through a line that loses half of them. */
async function survivorsOf(socket: string, seed: number): Promise<string[]> {
  await using hub = await Hub.listen(socket, { seed });
  await using a = await Plug.into(hub.path);
  await using b = await Plug.into(hub.path);
  b.send(ALL, B, 'hello');
  await a.next();
  hub.drop(B, 0.5);
  for (let count = 0; count < 200; count++) a.send(B, A, `frame ${count}`);
  await expect.poll(() => hub.counters.forwarded + hub.counters.faulty).toBe(201);
  hub.restore(B);
  a.send(B, A, 'end');
  const received: string[] = [];
  for (let text = await b.next(); text !== 'end'; text = await b.next()) received.push(text);
  return received;
}

/** A socket file on which nobody listens, as a killed process leaves it. */
async function leaveSocketBehind(socket: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const child = spawn(
    process.execPath,
    [
      '-e',
      'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))',
      socket,
    ],
    { stdio: 'ignore' },
  );
  await once(child, 'close');
}

/** One end of a cable in the hub. */
class Plug {
  readonly socket: Socket;
  readonly #received: string[] = [];
  #waiting: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader();
    socket.on('data', (chunk) => {
      for (const frame of reader.read(chunk)) this.#received.push(frame.wire.toString('utf8', 18));
      this.#waiting?.();
    });
  }

  static async into(path: string): Promise<Plug> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new Plug(socket);
  }

  send(destination: string, source: string, text: string): void {
    const addresses = Buffer.from(`${destination}${source}`.replaceAll(':', ''), 'hex');
    const frame = Buffer.concat([addresses, Buffer.from([0x88, 0xb5]), Buffer.from(text)]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(frame.length);
    this.socket.write(Buffer.concat([length, frame]));
  }

  async next(): Promise<string> {
    while (this.#received.length === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    return this.#received.shift() ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }
}
