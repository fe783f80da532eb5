import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseConfig } from '../../services/viscript/config/index.ts';
import { instanceName, unitName } from '../../services/viscript/launcher/launch-files.ts';

const root = join(import.meta.dirname, '../..');
const system = join(root, 'image/rootfs-overlay/usr/lib/systemd/system');

it('the unit of the VPN server, under the name it has in config.yaml, passes packets on while it runs', async () => {
  const { apps } = parseConfig(await readFile(join(root, 'config.yaml'), 'utf8'), 'config.yaml');
  const { name, capabilities, mesh } = apps.get('meshnet-vpn-server') ?? expect.fail('no such app');
  const unit = unitName([...capabilities, ...(mesh ? ['mesh'] : [])], instanceName(name, 1));
  const text = await readFile(join(system, `${unit}.d`, '50-forwarding.conf'), 'utf8');
  const settings = Array.from(
    text.matchAll(/^(Exec\w+)=-\+(.+)$/gm),
    ([, when, command = '']) => [when, command.match(/\d > \/proc\/sys\/[^;']+/g)] as const,
  );
  const all = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding'];
  expect(settings).toEqual([
    ['ExecStartPre', all.map((path) => `1 > ${path}`)],
    ['ExecStopPost', all.map((path) => `0 > ${path}`)],
  ]);
});
