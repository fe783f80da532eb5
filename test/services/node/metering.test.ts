import { type ChildProcess, fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Identity, publicKeyOf } from '../../../services/net/keys.ts';
import type { Circuit } from '../../../services/node/circuit/circuit.ts';
import { MessageType } from '../../../services/node/circuit/messages.ts';
import { Metering, MeteringUnreadable } from '../../../services/node/metering.ts';
import { Mux } from '../../../services/node/streams/mux.ts';
import { CircuitStream } from '../../../services/node/streams/stream.ts';
import { scratchFolder } from '../signal/support.ts';
import { flipped, HostileRelay } from './hostile-relay.ts';
import { Rig } from './rig.ts';
import { eventually, hashOf, openChannel, openStream, send } from './streams/support.ts';

const [one, two] = [Identity.generate().publicKey, Identity.generate().publicKey];

async function newFile(): Promise<string> {
  return join(await scratchFolder(), 'state', 'metering.json');
}

async function meteringOf(file: string, problems: string[] = []): Promise<Metering> {
  const metering = await Metering.load(file, (message) => problems.push(message));
  onTestFinished(() => metering.stop());
  return metering;
}

/** Streams of a circuit, counted at each end by a node's metering. What the far end gets it sends back. */
async function metered(
  ends: readonly [Circuit, Circuit],
): Promise<{ mux: Mux; counts: [Metering, Metering] }> {
  const counts: [Metering, Metering] = [await meteringOf(await newFile()), await meteringOf(await newFile())];
  const [mux] = ends.map(
    (circuit, index) =>
      new Mux(circuit, {
        incoming: async (_, end) => {
          if (end instanceof CircuitStream) end.pipe(end);
          else end.on('message', (message) => end.send([message]));
        },
        metered: (app, direction, bytes) => counts[index]?.count(circuit.peer, app, direction, bytes),
      }),
  );
  return { mux: mux as Mux, counts };
}

describe('what passes a node', () => {
  it('counts once although its way is cut and it is sent again', async () => {
    await using rig = new Rig();
    await Promise.all([rig.join('a', 'r'), rig.join('r', 'b'), rig.join('a', 's'), rig.join('s', 'b')]);
    const ends = rig.circuit([
      ['a', 'r', 'b'],
      ['a', 's', 'b'],
    ]);
    const { mux, counts } = await metered(ends);
    const stream = await openStream(mux);
    const bytes = 24 * 1024 * 1024;
    const sent = send(stream, bytes);
    let back = 0;
    stream.on('data', (chunk: Buffer) => {
      const before = back;
      back += chunk.length;
      if (before < bytes / 4 && back >= bytes / 4) rig.cable('r', 'b').sockets[0].destroy();
    });
    await Promise.all([sent, once(stream, 'end')]);
    expect(back).toBe(bytes);
    const [near, far] = counts.map(({ accounts }) => accounts);
    expect(near).toEqual([{ peer: ends[0].peer, app: 'source', sent: bytes, received: bytes }]);
    expect(far).toEqual([{ peer: ends[1].peer, app: 'sink', sent: bytes, received: bytes }]);
  });

  it('does not count when it was changed on its way, until the true bytes come', async () => {
    await using rig = new Rig();
    const relay = await HostileRelay.between(rig, 'a', 'b');
    const ends = rig.ends('a', 'b');
    relay.addPath(rig, ['a', 'b'], ends, 0);
    await Promise.all(ends.map((end) => end.isReady || once(end, 'ready')));
    const { mux, counts } = await metered(ends);
    const stream = await openStream(mux);
    let swallow = true;
    relay.treatment = (message, pass) => {
      const changed = swallow && message[0] === MessageType.record;
      pass(changed ? flipped(message, message.length - 1) : message);
    };
    const problem = once(ends[1], 'problem');
    const payload = randomBytes(10_000);
    stream.end(payload);
    await problem;
    expect(counts[0].accounts).toMatchObject([{ sent: payload.length, received: 0 }]);
    expect(counts[1].accounts).toEqual([]);
    swallow = false;
    await hashOf(stream);
    expect(counts[0].accounts).toMatchObject([{ sent: payload.length, received: payload.length }]);
    expect(counts[1].accounts).toMatchObject([{ sent: payload.length, received: payload.length }]);
  });

  it('counts datagrams that came and not those that were dropped', async () => {
    await using rig = new Rig();
    await rig.join('a', 'b');
    const { mux, counts } = await metered(rig.circuit([['a', 'b']]));
    const channel = await openChannel(mux);
    channel.send([Buffer.alloc(100), Buffer.alloc(20)]);
    await eventually(() => expect(counts[0].accounts).toMatchObject([{ sent: 120, received: 120 }]));
    expect(counts[1].accounts).toMatchObject([{ app: 'sink', sent: 120, received: 120 }]);
    channel.close();
    channel.send([Buffer.alloc(7)]);
    expect(counts[0].accounts).toMatchObject([{ sent: 120 }]);
  });

  it('counts at a relay by where it came from and went to', async () => {
    await using rig = new Rig();
    await Promise.all([rig.join('a', 'r'), rig.join('r', 'b')]);
    const metering = await meteringOf(await newFile());
    rig.board('r').switch.on('relayed', (_, from, to, bytes) => metering.countRelayed(from, to, bytes));
    const ends = rig.circuit([['a', 'r', 'b']]);
    const { mux } = await metered(ends);
    const stream = await openStream(mux);
    const bytes = 4 * 1024 * 1024;
    await Promise.all([send(stream, bytes), hashOf(stream)]);
    const [a, b] = ['a', 'b'].map((name) => rig.board(name).identity.publicKey);
    const forth = metering.relayed.find(({ from, to }) => from === a && to === b);
    const back = metering.relayed.find(({ from, to }) => from === b && to === a);
    for (const way of [forth, back]) {
      expect(way?.bytes).toBeGreaterThan(bytes);
      // Heads and tags, acknowledgements, and now and then a record that was sent again.
      expect(way?.bytes).toBeLessThan(1.2 * bytes);
    }
  });
});

describe('the counts of a node', () => {
  it('outlive it', async () => {
    const file = await newFile();
    const before = await meteringOf(file);
    before.count(one, 'web', 'sent', 10);
    before.count(one, 'web', 'received', 2 ** 50);
    before.count(two, 'web', 'sent', 1);
    before.countRelayed(one, two, 99);
    await before.stop();
    const after = await meteringOf(file);
    after.count(one, 'web', 'sent', 5);
    after.countRelayed(one, two, 1);
    expect(after.accounts).toEqual([
      { peer: one, app: 'web', sent: 15, received: 2 ** 50 },
      { peer: two, app: 'web', sent: 1, received: 0 },
    ]);
    expect(after.relayed).toEqual([{ from: one, to: two, bytes: 100 }]);
  });

  it('are not written when nothing has changed', async () => {
    const file = await newFile();
    const metering = await meteringOf(file);
    await metering.save();
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('stay together for apps that come when there are many already', async () => {
    const metering = await meteringOf(await newFile());
    for (let index = 0; index < 10_100; index++) metering.count(one, `app-${index}`, 'sent', 1);
    expect(metering.accounts).toHaveLength(10_001);
    expect(metering.accounts.find(({ app }) => app === 'other')?.sent).toBe(100);
    expect(metering.accounts.reduce((sum, { sent }) => sum + sent, 0)).toBe(10_100);
  });

  it('keep the pairs of neighbours that had most apart, and the others in one sum, whoever comes and goes', async () => {
    const file = await newFile();
    const metering = await meteringOf(file);
    const nameOf = (index: number) => publicKeyOf(createHash('sha256').update(String(index)).digest());
    metering.countRelayed(one, two, 1_000_000);
    for (let index = 0; index < 25_000; index++) metering.countRelayed(nameOf(index), two, 1 + (index % 7));
    const total = ({ relayed, relayedElse }: Metering) =>
      relayed.reduce((sum, { bytes }) => sum + bytes, relayedElse);
    const counted =
      1_000_000 + Array.from({ length: 25_000 }, (_, index) => 1 + (index % 7)).reduce((a, b) => a + b);
    expect(metering.relayed.length).toBeLessThanOrEqual(10_000);
    expect(metering.relayed).toContainEqual({ from: one, to: two, bytes: 1_000_000 });
    expect(total(metering)).toBe(counted);
    await metering.stop();
    const after = await meteringOf(file);
    expect(after.relayed).toEqual(metering.relayed);
    expect(total(after)).toBe(counted);
  });

  it('of a node that kept no sum of other pairs are read', async () => {
    const file = await newFile();
    await mkdir(resolve(file, '..'), { recursive: true });
    const relayed = [{ from: one, to: two, bytes: 5 }];
    await writeFile(file, JSON.stringify({ version: 1, accounts: [], relayed }));
    const metering = await meteringOf(file);
    expect(metering.relayed).toEqual(relayed);
    expect(metering.relayedElse).toBe(0);
  });

  it.each([
    ['nonsense', 'no JSON at all'],
    ['of another version', '{"version": 2, "accounts": [], "relayed": []}'],
    ['without a list', '{"version": 1, "accounts": 7, "relayed": []}'],
    [
      'with what is no key',
      '{"version": 1, "accounts": [{"peer": "x", "app": "a", "sent": 1, "received": 1}], "relayed": []}',
    ],
    [
      'with less than nothing',
      `{"version": 1, "accounts": [{"peer": "${one}", "app": "a", "sent": -1, "received": 1}], "relayed": []}`,
    ],
  ])('are refused when the file is %s, and the file stays', async (_, content) => {
    const file = await newFile();
    await mkdir(resolve(file, '..'), { recursive: true });
    await writeFile(file, content);
    const loading = Metering.load(file, () => undefined);
    await expect(loading).rejects.toThrow(MeteringUnreadable);
    await expect(loading).rejects.toThrow(/metering.json holds no counts \(.*\); move it away to begin anew/);
    expect(await readFile(file, 'utf8')).toBe(content);
  });

  it('are refused when something that is no file is there', async () => {
    const file = await newFile();
    await mkdir(file, { recursive: true });
    await expect(Metering.load(file, () => undefined)).rejects.toThrow(MeteringUnreadable);
  });

  it('that could not be written are written later, and the problem is told', async () => {
    const file = await newFile();
    const problems: string[] = [];
    const metering = await meteringOf(file, problems);
    await mkdir(join(file, 'in the way'), { recursive: true });
    metering.count(one, 'web', 'sent', 10);
    await metering.save();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(file);
    await rm(file, { recursive: true });
    await metering.save();
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ accounts: [{ app: 'web', sent: 10 }] });
  });

  it('can be read whenever the node was killed', async () => {
    const file = await newFile();
    let last = 0;
    for (let round = 0; round < 5; round++) {
      const child = fork(resolve(import.meta.dirname, 'fixtures/metering.ts'), [file], { execArgv: [] });
      onTestFinished(() => void child.kill('SIGKILL'));
      const written = await wrote(child, 20 + 7 * round);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const metering = await meteringOf(file);
      const sent = metering.accounts.find(({ app }) => app === 'web')?.sent ?? 0;
      // What it said was on the disk is there, and what was there before.
      expect(sent).toBeGreaterThanOrEqual(last + written);
      last = sent;
      await metering.stop();
    }
  });
});

/** Waits for so many writes. @returns how many bytes were counted in them */
async function wrote(child: ChildProcess, writes: number): Promise<number> {
  let count = 0;
  for (let index = 0; index < writes; index++) [count] = (await once(child, 'message')) as [number];
  return count;
}
