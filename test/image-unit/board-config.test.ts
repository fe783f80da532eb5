import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { boardConfig, NODE_SOCKET } from '../../image/rack/board-config.ts';
import { RackError } from '../../image/rack/error.ts';
import { parseTold } from '../../image/rack/told.ts';
import { Identity } from '../../services/net/keys.ts';
import { type Role, readMembership, signMembership } from '../../services/net/membership.ts';
import { parseConfig } from '../../services/viscript/config/index.ts';

const root = join(import.meta.dirname, '../..');
const system = join(root, 'image/rootfs-overlay/usr/lib/systemd/system');
const packaged = await readFile(join(root, 'config.yaml'), 'utf8');
const rack = Identity.generate();
const board = Identity.generate();
const manager = `${board.publicKey}@192.0.2.1:5999`;

function appsOf(roles: Role[], mesh = `board: board1\nmanager: ${manager}\n`) {
  const text = signMembership(rack, 3, [{ board: 'board1', key: board.publicKey, roles }]);
  const place = { told: parseTold(mesh), membership: readMembership(text, rack.publicKey) };
  return parseConfig(boardConfig(packaged, { place, apps: {} }).text, 'config.yaml').apps;
}

describe('the config file of a board that was told its rack', () => {
  it('starts the node by itself, with the files that its unit alone gets, and the right to its socket', async () => {
    const apps = appsOf(['node']);
    const node = apps.get('meshnet-node');
    expect(node).toMatchObject({
      autostart: true,
      restart: 'always',
      mesh: true,
      capabilities: [],
      dependsOn: [],
    });
    expect(node?.args.slice(0, 5)).toEqual(['0.0.0.0:5000', manager, 'true', NODE_SOCKET, 'board1']);
    expect(node?.args).toContain(rack.publicKey);
    const started = [...apps.values()].filter(({ autostart }) => autostart).map(({ name }) => name);
    expect(started).toEqual(['meshnet-node']);
  });

  it('starts apptracker and manager before it where the board is a manager', () => {
    const apps = appsOf(['node', 'manager']);
    expect(apps.get('apptracker')?.autostart).toBe(true);
    expect(apps.get('meshnet-nm')).toMatchObject({ autostart: true, dependsOn: ['apptracker'] });
    expect(apps.get('meshnet-nm')?.args.slice(0, 3)).toEqual([
      'rack.mesh',
      '0.0.0.0:5999',
      '127.0.0.1:20000',
    ]);
    expect(apps.get('meshnet-node')?.dependsOn).toEqual(['meshnet-nm']);
  });

  it('listens where the board was told to', () => {
    const mesh = `{board: board1, manager: "${manager}", listen: ["127.0.0.1:4001", "0.0.0.0:5000"], domain: my.mesh}`;
    const apps = appsOf(['node', 'manager'], mesh);
    expect(apps.get('meshnet-nm')?.args[0]).toBe('my.mesh');
    const args = apps.get('meshnet-node')?.args ?? [];
    expect(args[0]).toBe('127.0.0.1:4001');
    expect(args.slice(args.indexOf('--address'))).toEqual(['--address', '0.0.0.0:5000']);
  });

  it('keeps every other app of the image as it is', () => {
    const before = parseConfig(packaged, 'config.yaml').apps;
    const after = appsOf(['node', 'manager']);
    const ours = ['apptracker', 'meshnet-nm', 'meshnet-node'];
    const others = (apps: typeof before) => [...apps].filter(([name]) => !ours.includes(name));
    expect(others(after)).toEqual(others(before));
  });

  it('names the credentials as the units of node and manager do', async () => {
    const apps = appsOf(['node', 'manager']);
    for (const [app, dropIn] of [
      ['meshnet-node', 'viscript-app-mesh@meshnet-node.service.d/50-node.conf'],
      ['meshnet-nm', 'viscript-app@meshnet-nm.service.d/50-manager.conf'],
    ] as const) {
      const text = await readFile(join(system, dropIn), 'utf8');
      const names = Array.from(text.matchAll(/^LoadCredential=(.+?):/gm), ([, name]) => name);
      const folder = `/run/credentials/${dropIn.split('.d/')[0]}`;
      const args = apps.get(app)?.args ?? [];
      expect(args.filter((word) => word.startsWith('/run/credentials/'))).toEqual(
        names.map((name) => `${folder}/${name}`),
      );
    }
  });

  it('is not made for a board that is not in the list', () => {
    expect(() => appsOf(['node'], `board: board2\nmanager: ${manager}\n`)).toThrow(RackError);
  });
});

describe('what a board was told', () => {
  it.each([
    ['board: Board\nmanager: 127.0.0.1:1', 'board: expected'],
    ['board: b', 'manager: expected'],
    ['board: b\nmanager: abc@127.0.0.1:1', '64 hex digits'],
    ['board: b\nmanager: nowhere', 'no address'],
    ['board: b\nmanager: 127.0.0.1:1\nlisten: []', 'listen: expected'],
    ['board: b\nmanager: 127.0.0.1:1\nlisten: [x]', 'no address'],
    ['board: b\nmanager: 127.0.0.1:1\nroles: [x]', 'roles: expected'],
    ['[]', 'expected an object'],
    ['', 'expected an object'],
  ])('is refused as %j', (yaml, problem) => {
    expect(() => parseTold(yaml)).toThrow(problem);
  });
});
