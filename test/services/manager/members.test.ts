import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { managerMethods } from '../../../services/net/control/messages.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import type { NodeClient } from './node-client.ts';
import { link, Rack, until } from './support.ts';

const nothing = { parse: () => undefined };

/** Whoever has this key gets no further than the handshake. */
async function expectRefused(rack: Rack, identity: Identity, brings?: string): Promise<void> {
  const client = await rack.connect(0, { identity, brings });
  await expect(client.hello()).rejects.toThrow(/connection lost/);
}

describe('a newer list', () => {
  it('is brought by a board that only it has: the board is in, all others hear of it, the old key is out', async () => {
    const rack = await Rack.start(3);
    const [, other, replaced] = await rack.nodes({ list: 1 });
    const before = rack.replace(2);
    await expectRefused(rack, rack.boards[2] as Identity);
    const list = rack.sign();
    const fresh = await rack.connect(2, { brings: list, list: 2 });
    // Before the new board is answered, the others know that it belongs to them.
    await fresh.hello();
    await rack.process?.line(/^members: list 2$/);
    expect(await replaced?.peer.closed).toBeDefined();
    await until(() => expect(other?.members).toBe(list));
    await expectRefused(rack, before);
    expect((await fresh.show('nodes')).map(({ name }) => name)).toEqual(['board0', 'board1', 'board2']);
  });

  it('is brought by a board that is admitted, with its hello or later', async () => {
    const rack = await Rack.start(3);
    const [first, second] = await rack.nodes({ list: 1 });
    const newer = rack.sign(rack.boards.slice(0, 2));
    await first?.peer.call(managerMethods.members, { members: newer }, nothing);
    await rack.process?.line(/^members: list 2$/);
    await until(() => expect(second?.members).toBe(newer));
    await expectRefused(rack, rack.boards[2] as Identity);
    const newest = rack.sign(rack.boards.slice(0, 1));
    await rack.node(0, { brings: newest, list: 3 });
    expect(await second?.peer.closed).toBeDefined();
  });

  it('ends links, circuits and names of who is not in it at once', async () => {
    // Whoever only loses its connection keeps them for longer than this test waits.
    const patient = 3_600_000;
    const rack = await Rack.startQuick(3, {
      settleMs: 0,
      graceMs: patient,
      awayMs: patient,
      leaseMs: patient,
    });
    const nodes = (await rack.nodes({ list: 1 })) as [NodeClient, NodeClient, NodeClient];
    await link(nodes, [
      [0, 1],
      [1, 2],
      [0, 2],
    ]);
    const [one, other, leaving] = nodes;
    await leaving.setApps({ name: 'clock', type: 'test' });
    await leaving.open(one);
    await other.open(leaving);
    const kept = await one.open(other);
    await one.peer.call(managerMethods.members, { members: rack.sign(rack.boards.slice(0, 2)) }, nothing);
    expect((await one.show('nodes')).map(({ name }) => name)).toEqual(['board0', 'board1']);
    expect(await one.show('links')).toHaveLength(1);
    expect((await one.show('circuits')).map(({ circuit }) => circuit)).toEqual([kept]);
    expect(await one.find({ name: 'clock' })).toEqual([]);
    await until(() =>
      expect([...one.rules.values(), ...other.rules.values()].map(circuitOf)).toEqual([kept, kept]),
    );
  });

  it('ends those of who has lost its connection before, too', async () => {
    const patient = 3_600_000;
    const rack = await Rack.startQuick(3, {
      settleMs: 0,
      graceMs: patient,
      awayMs: patient,
      leaseMs: patient,
    });
    const nodes = (await rack.nodes({ list: 1 })) as [NodeClient, NodeClient, NodeClient];
    await link(nodes, [
      [0, 1],
      [1, 2],
    ]);
    const [one, , leaving] = nodes;
    await leaving.setApps({ name: 'clock', type: 'test' });
    leaving.close();
    await until(async () =>
      expect(await one.show('nodes')).toContainEqual(expect.objectContaining({ since: null })),
    );
    await one.peer.call(managerMethods.members, { members: rack.sign(rack.boards.slice(0, 2)) }, nothing);
    expect((await one.show('nodes')).map(({ name }) => name)).toEqual(['board0', 'board1']);
    expect(await one.show('links')).toHaveLength(1);
    expect(await one.find({ name: 'clock' })).toEqual([]);
  });

  it('is in force after a restart, whatever the file of the manager says, and whatever is brought then', async () => {
    const rack = await Rack.start(2);
    const [first = Identity.generate(), second = Identity.generate()] = rack.boards;
    const given = await readFile(rack.listFile, 'utf8');
    const before = rack.replace(1);
    const list = rack.sign();
    await rack.node(1, { brings: list });
    await rack.kill();
    const kept = join(rack.folder, 'state', `members-${rack.identity.publicKey.slice(0, 16)}`);
    expect(await readFile(kept, 'utf8')).toBe(list);
    const again = await rack.launch();
    await again.line(/has list 1, which is older$/);
    await expectRefused(rack, before);
    await expectRefused(rack, second, given);
    await rack.node(0, { identity: first, brings: given });
    expect((await rack.node(1)).members).toBe(list);
  });

  it('goes from one manager to another with a node that registers there', async () => {
    const rack = await Rack.start(3);
    const second = await rack.secondManager();
    const [at, home] = await Promise.all([rack.node(0, { list: 1 }), rack.node(1, { ...second, list: 1 })]);
    const before = rack.replace(2);
    const list = rack.sign();
    await rack.node(2, { brings: list, list: 2 });
    await until(() => expect(at.members).toBe(list));
    expect(home.members).toBeUndefined();
    await rack.node(0, { ...second, brings: at.members, list: 2 });
    await until(() => expect(home.members).toBe(list));
    await expect((await rack.connect(0, { ...second, identity: before })).hello()).rejects.toThrow(
      /connection lost/,
    );
  });
});

describe('a flood of strangers with lists that are none', () => {
  it('keeps no board out, nor one that brings a newer list', async () => {
    const rack = await Rack.start(3);
    const node = await rack.node(0, { list: 1 });
    const other = await Rack.start(1);
    const bad = [
      other.sign([], 99),
      (await readFile(rack.listFile, 'utf8')).replace('number 1', 'number 9'),
      'x'.repeat(60_000),
      '',
    ];
    let isOver = false;
    const flood = Array.from({ length: 20 }, async (_, at) => {
      let count = 0;
      for (; !isOver; count++) {
        const brings = bad[(at + count) % bad.length];
        const client = await rack.connect(0, { identity: Identity.generate(), brings }).catch(lost);
        await client?.peer.closed;
      }
      return count;
    });
    rack.replace(1);
    const list = rack.sign();
    const fresh = await rack.node(1, { brings: list, list: 2 });
    await rack.node(2);
    expect((await fresh.show('nodes')).map(({ name }) => name)).toEqual(['board0', 'board1', 'board2']);
    await until(() => expect(node.members).toBe(list));
    isOver = true;
    for (const count of await Promise.all(flood)) expect(count).toBeGreaterThan(0);
    await rack.process?.line(/^members: list 2$/);
  });
});

/** Of a flood more come than may shake hands at a time. */
function lost(error: unknown): undefined {
  if (!(error instanceof Error)) throw error;
  expect(error.name).toMatch(/SessionRefused|TransportError/);
}

function circuitOf({ circuit }: { circuit: string }): string {
  return circuit;
}

it('is offered to the manager as a parameter, and refused when it is none', async () => {
  const rack = await Rack.startQuick(1);
  const node = await rack.node(0);
  const offer = (members: string) => node.peer.call(managerMethods.members, { members }, nothing);
  await expect(offer('nonsense')).rejects.toThrow(/the list of members: line 1/);
  await offer(rack.sign(rack.boards, 1));
  expect((await node.show('nodes')).map(({ key }): PublicKey => key)).toEqual([node.key]);
});
