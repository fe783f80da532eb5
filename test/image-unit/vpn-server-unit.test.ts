import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { parseConfig } from '../../services/viscript/config/index.ts';
import { instanceName, unitName } from '../../services/viscript/launcher/launch-files.ts';

const root = join(import.meta.dirname, '../..');
const system = join(root, 'image/rootfs-overlay/usr/lib/systemd/system');
const settings = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding'];

/** The commands of the unit of the VPN server, under the name it has in config.yaml, in their order. */
async function commandsOf(when: 'ExecStartPre' | 'ExecStopPost'): Promise<string[]> {
  const { apps } = parseConfig(await readFile(join(root, 'config.yaml'), 'utf8'), 'config.yaml');
  const { name, capabilities, mesh } = apps.get('meshnet-vpn-server') ?? expect.fail('no such app');
  const unit = unitName([...capabilities, ...(mesh ? ['mesh'] : [])], instanceName(name, 1));
  const text = await readFile(join(system, `${unit}.d`, '50-forwarding.conf'), 'utf8');
  const lines = text.matchAll(new RegExp(`^${when}=-\\+/bin/sh -c '([^']+)'$`, 'gm'));
  return Array.from(lines, ([, command = '']) => command);
}

it.for([
  ['0', '0'],
  ['1', '0'],
  ['0', '1'],
  ['1', '1'],
])(
  'the unit of the VPN server passes packets on while it runs, and then leaves IPv4 at %s and IPv6 at %s',
  async (before, context) => {
    context.skip(process.getuid?.() !== 0, 'network namespaces need root');
    const script = [
      'mount -t tmpfs none /run',
      ...settings.map((setting, at) => `echo ${before[at]} > ${setting}`),
      ...(await commandsOf('ExecStartPre')),
      `cat ${settings.join(' ')}`,
      ...(await commandsOf('ExecStopPost')),
      `cat ${settings.join(' ')}`,
      'ls -A /run',
    ].join('\n');
    const { stdout } = await promisify(execFile)('unshare', ['--net', '--mount', 'sh', '-ec', script]);
    expect(stdout.trim().split('\n')).toEqual(['1', '1', ...before]);
  },
);
