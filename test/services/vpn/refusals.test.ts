import { chmod, chown } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../image/run.ts';
import { scratchFolder } from '../signal/support.ts';
import { launch, needTunnels, nodeProgram, startLab, startNodes } from './rig.ts';

const root = join(import.meta.dirname, '../../..');
const own = ['--allowed-ips', '10.99.0.0/24, fd73:6b79:7769::/64'];
const nobody = 65_534;
const connected = /^connected to/;

describe('a VPN app that cannot start', () => {
  it.each([
    ['server', []],
    ['server', ['vpnsrv0']],
    ['server', ['vpnsrv0', '127.0.0.1:1', 'more']],
    ['server', ['vpnsrv0', '127.0.0.1:1', '--pool', '10.0.0.0/32']],
    ['server', ['vpnsrv0', '127.0.0.1:1', '--pool', '10.0.0.0/24, 10.1.0.0/24']],
    ['server', ['vpnsrv0', '127.0.0.1:1', '--access', 'everybody']],
    ['client', ['vpncli0', '127.0.0.1:1', 'port']],
    ['client', ['vpncli0', '127.0.0.1:1', '--mtu', '100']],
    ['client', ['vpncli0', '127.0.0.1:1', '--server', 'not/a/key']],
    ['client', ['vpncli0', '127.0.0.1:1', '--kill']],
    ['client', ['vpncli0', '127.0.0.1:1', '--dns', 'dns.example']],
  ])('refuses the words of %s %j with status 2', async (program, args) => {
    const words = [join(root, `services/vpn/${program}/main.ts`), ...args];
    await expect(run(nodeProgram, words)).rejects.toMatchObject({ status: 2 });
  });

  it.each(['server', 'client'])('explains itself: %s', async (program) => {
    const { stdout } = await run(nodeProgram, [join(root, `services/vpn/${program}/main.ts`), '--help']);
    expect(stdout).toContain(`meshnet-vpn-${program} NAME NODEADDR`);
  });

  it('says that the interface is in use, and touches nothing of who uses it', async (context) => {
    needTunnels(context);
    const host = await startLab().host('one');
    await host.run('ip', 'tuntap', 'add', 'dev', 'skywire0', 'mode', 'tun');
    for (const program of ['server', 'client'] as const) {
      const app = await launch(host, program, ['name', '127.0.0.1:1', ...own]);
      expect(await app.exited).toBe(1);
      expect(app.said()).toContain('an interface skywire0 is there already');
    }
    expect(await host.run('ip', '-brief', 'link')).toContain('skywire0');
  });

  it('says what is missing where there is no TUN driver', async (context) => {
    needTunnels(context);
    const host = await startLab().host('one');
    // A mount of this process alone: `ip netns exec` has made a namespace of mounts.
    const prefix = ['sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', '-'];
    const app = await launch(host, 'client', ['name', '127.0.0.1:1'], { prefix });
    expect(await app.exited).toBe(1);
    expect(app.said()).toContain("there is no /dev/net/tun: load the driver with 'modprobe tun'");
  });

  it('says which setting forwards packets, when it offers networks behind its machine', async (context) => {
    needTunnels(context);
    const host = await startLab().host('one');
    const app = await launch(host, 'server', ['name', '127.0.0.1:1']);
    expect(await app.exited).toBe(1);
    expect(app.said()).toContain("run 'sysctl net.ipv4.ip_forward=1'");
    expect(await host.run('nft', 'list', 'ruleset')).toBe('');
  });
});

describe('a VPN app without root', () => {
  /** As nobody, with CAP_NET_ADMIN alone, and a TUN device that everybody may open, as on any other machine. */
  const prefix = [
    ...['sh', '-c', 'mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"', '-'],
    ...['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'],
    ...['--inh-caps=-all,+net_admin', '--bounding-set=-all,+net_admin', '--ambient-caps=-all,+net_admin'],
  ];

  it('needs CAP_NET_ADMIN and nothing else', async (context) => {
    needTunnels(context);
    const lab = startLab();
    const [serverNode, clientNode] = await startNodes(2, { socketMode: 0o666 });
    for (const node of [serverNode, clientNode]) await chmod(dirname(node?.node ?? ''), 0o755);
    const state = await scratchFolder();
    await chown(state, nobody, nobody);
    const [serverHost, clientHost] = [await lab.host('server'), await lab.host('client')];
    const server = await launch(serverHost, 'server', ['vpnsrv0', serverNode?.node ?? '', ...own], {
      prefix,
      state,
    });
    await server.line(/^serving/);
    const words = ['vpncli0', clientNode?.node ?? '', '--kill-switch', '--exclude', '198.18.0.0/15'];
    const client = await launch(clientHost, 'client', words, { prefix });
    await client.line(connected);
    expect(await clientHost.run('ping', '-c', '1', '10.99.0.1')).toContain('1 received');
    expect(await client.stop(), client.said()).toBe(0);
    expect(await server.stop(), server.said()).toBe(0);
    for (const host of [serverHost, clientHost]) expect(await host.run('nft', 'list', 'ruleset')).toBe('');
  });

  it('says so when it lacks it', async (context) => {
    needTunnels(context);
    const host = await startLab().host('one');
    const bare = prefix.map((word) => word.replace('+net_admin', '-net_admin'));
    const app = await launch(host, 'client', ['name', '127.0.0.1:1'], { prefix: bare });
    expect(await app.exited).toBe(1);
    expect(app.said()).toContain('needs CAP_NET_ADMIN');
  });
});

describe('a tunnel in trouble', () => {
  it('fails when somebody removes its interface, and leaves nothing but a kill switch', async (context) => {
    needTunnels(context);
    const lab = startLab();
    const [serverNode, clientNode] = await startNodes(2);
    const [serverHost, clientHost] = [await lab.host('server'), await lab.host('client')];
    const server = await launch(serverHost, 'server', ['vpnsrv0', serverNode?.node ?? '', ...own]);
    await server.line(/^serving/);
    const words = ['vpncli0', clientNode?.node ?? '', '--kill-switch', '--exclude', '198.18.0.0/15'];
    const client = await launch(clientHost, 'client', words);
    await client.line(connected);
    await clientHost.run('ip', 'link', 'delete', 'skywire0');
    expect(await client.exited).toBe(1);
    expect(client.said()).toContain('the interface skywire0 was removed by somebody else');
    expect(await clientHost.run('ip', 'rule')).not.toContain('proto 83');
    expect(await clientHost.run('nft', 'list', 'ruleset')).toContain('skywire_vpncli0');
    await serverHost.run('ip', 'link', 'delete', 'skywire0');
    expect(await server.exited).toBe(1);
    expect(await serverHost.run('nft', 'list', 'ruleset')).toBe('');
  });

  it('takes no default route while nobody tells it which addresses the mesh itself uses', async (context) => {
    needTunnels(context);
    const lab = startLab();
    const [serverNode, clientNode] = await startNodes(2);
    const [serverHost, clientHost] = [await lab.host('server'), await lab.host('client')];
    await serverHost.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    const server = await launch(serverHost, 'server', [
      'vpnsrv0',
      serverNode?.node ?? '',
      '--dns',
      '10.99.0.1',
    ]);
    await server.line(/^serving/);
    const client = await launch(clientHost, 'client', ['vpncli0', clientNode?.node ?? '']);
    await client.line(/give them with --exclude/);
    expect(await clientHost.run('ip', 'route')).toBe('');
    expect(await client.stop(), client.said()).toBe(0);
    const routed = await launch(clientHost, 'client', [
      'vpncli0',
      clientNode?.node ?? '',
      '--allowed-ips',
      '10.0.0.0/8',
    ]);
    await routed.line(connected);
    expect(await clientHost.run('ping', '-c', '1', '10.99.0.1')).toContain('1 received');
  });
});
