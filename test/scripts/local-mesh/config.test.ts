import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { meshConfig } from '../../../scripts/local-mesh/config.ts';
import { planMesh } from '../../../scripts/local-mesh/plan.ts';
import { readIdentity } from '../../../services/net/key-file.ts';
import { readMembership } from '../../../services/net/membership.ts';
import { parseConfig } from '../../../services/viscript/config/index.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-'));
});

afterEach(() => rm(folder, { recursive: true }));

it('makes a rack of its own: a key for each node and a list that names them all', async () => {
  const mesh = await planMesh(folder, 5);
  const { members } = readMembership(await readFile(mesh.membersFile, 'utf8'), mesh.rack);
  expect(members.map(({ key }) => key).sort()).toEqual(
    [mesh.manager, ...mesh.nodes].map(({ key }) => key).sort(),
  );
  for (const { key, keyFile } of [mesh.manager, ...mesh.nodes])
    expect((await readIdentity(keyFile))?.publicKey).toBe(key);
  const addresses = [mesh.tracker, mesh.manager.address, ...mesh.nodes.map(({ address }) => address)];
  expect(new Set(addresses).size).toBe(7);
  for (const address of addresses) expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
});

it('makes a config file that viscript takes, and in which nothing starts before what it needs', async () => {
  const mesh = await planMesh(folder, 3);
  const { apps } = parseConfig(meshConfig(mesh, 1080), 'config.yaml');
  expect([...apps.keys()]).toEqual([
    ...['apptracker', 'meshnet-nm', 'node1', 'node2', 'node3'],
    ...['socks-server', 'socks-client'],
  ]);
  for (const { autostart, daemon } of apps.values())
    expect({ autostart, daemon }).toEqual({ autostart: true, daemon: true });
  expect(apps.get('node2')?.dependsOn).toEqual(['meshnet-nm']);
  expect(apps.get('socks-client')?.dependsOn).toEqual(['node1', 'socks-server']);
  expect(apps.get('socks-client')?.args).toContain(`${mesh.nodes[2]?.key}/socks-server`);
});
