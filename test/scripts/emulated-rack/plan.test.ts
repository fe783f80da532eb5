import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseTold } from '../../../image/rack/told.ts';
import { outerConfig } from '../../../scripts/emulated-rack/config.ts';
import { planRack } from '../../../scripts/emulated-rack/plan.ts';
import { describeMoment, drawScreen, type Moment } from '../../../scripts/emulated-rack/view.ts';
import { Identity, parsePublicKey } from '../../../services/net/keys.ts';
import { readMembership } from '../../../services/net/membership.ts';
import { parseConfig } from '../../../services/viscript/config/index.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rack-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('a rack of emulated boards', () => {
  it('is told to each board: list, place and the identity that is its own', async () => {
    const { rack, boards, manager } = await planRack(folder, 3);
    for (const { name, key, mac, forwards, credentials } of boards) {
      const { members } = readMembership(credentials['skyminer.members'] ?? '', rack);
      expect(members.find(({ board }) => board === name)?.key).toBe(key);
      expect(parsePublicKey(credentials['skyminer.rack']?.trimEnd() ?? '')).toBe(rack);
      const secret = Buffer.from(credentials['skyminer.identity']?.trimEnd() ?? '', 'hex');
      expect(Identity.fromSecretKey(secret).publicKey).toBe(key);
      const told = parseTold(credentials['skyminer.mesh'] ?? '');
      expect(told).toMatchObject({ board: name, manager: `${boards[0]?.key}@192.0.2.1:5999` });
      expect(told.listen).toContain(`127.0.0.1:${forwards[0]?.here}`);
      expect(credentials['skyminer.network']).toContain(`MACAddress=${mac}\n`);
    }
    const ports = boards.flatMap(({ forwards }) => forwards.map(({ here }) => here));
    expect(new Set(ports).size).toBe(4);
    expect(manager).toBe(`${boards[0]?.key}@127.0.0.1:${boards[0]?.forwards[1]?.here}`);
    expect(readMembership(boards[0]?.credentials['skyminer.members'] ?? '', rack).members[0]?.roles).toEqual([
      'node',
      'manager',
    ]);
  });

  it('has ends on this machine that nobody can dial, so that every way between them leads through a board', async () => {
    const rack = await planRack(folder, 2);
    const { apps } = parseConfig(outerConfig(rack, 1080), 'config.yaml');
    for (const name of ['client', 'server'])
      expect(apps.get(name)?.args.slice(0, 2)).toEqual(['-', rack.manager]);
    expect(apps.get('socks-client')?.dependsOn).toEqual(['client', 'socks-server']);
  });

  it('is shown with the state of each board and how far the transfer is', async () => {
    const rack = await planRack(folder, 3);
    const [one, two] = rack.boards.map(({ key }) => key);
    if (one === undefined || two === undefined) throw new Error('no boards');
    const moment: Moment = {
      picture: {
        links: [{ ends: [rack.client.key, one], rtt: 0.003, loss: 0, sent: [1000, 0] }],
        circuits: [],
      },
      rates: new Map(),
      states: ['on', 'off', 'starting'],
      transfer: { received: 25 * 1024 * 1024, bytes: 100 * 1024 * 1024, rate: 1024 * 1024 },
      problem: undefined,
    };
    const screen = drawScreen(rack, moment, { columns: 90, rows: 30, color: false }).join('\n');
    expect(screen).toContain(
      '██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 25 % · 25.0 MiB of 100.0 MiB · 1.0 MiB/s',
    );
    expect(screen).toMatch(/● board1 \(manager\)[\s\S]*✗ board2[\s\S]*◌ board3/);
    expect(screen).toMatch(/● download[\s\S]*● source|● download.*● source/);
    expect(screen).toContain('board1 – client');
    expect(screen.split('\n').length).toBeLessThanOrEqual(30);
    const line = describeMoment(rack, { ...moment, problem: 'gone' });
    expect(line).toContain('board1 on, board2 off, board3 starting · the manager does not answer');
  });
});
