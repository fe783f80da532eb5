import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { CommandError, run } from '../../image/run.ts';
import { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { line } from '../../scripts/lib/lab-mesh/plans.ts';
import { Program } from '../../scripts/lib/lab-mesh/program.ts';
import { root } from '../../scripts/lib/program.ts';
import { findSshd } from '../../scripts/lib/sshd.ts';
import { sharedMesh, whyNot } from './testing.ts';

const [near, far, web] = ['a', 'c', 'web'];
const proxy = '127.0.0.1:1080';

const meshOf = sharedMesh(() => Mesh.start(line(3)));
let started: Promise<void> | undefined;

/** The mesh of this file with the two apps in it, which the first test starts. */
async function socksIn(context: TestContext): Promise<Mesh> {
  const mesh = meshOf(context);
  started ??= startSocks(mesh);
  await started;
  return mesh;
}

/**
 * A client at one end of the line and a server at the other, behind which there is a host with a name server, a web
 * server and an SSH server. Programs run at the client's end, from where no route leads there.
 */
async function startSocks(mesh: Mesh): Promise<void> {
  await mesh.addHost(web, far);
  const address = mesh.address(web, far);
  const start = (host: string, name: string, ...command: string[]) =>
    new Program(mesh.host(host), name, command);
  const node = [process.execPath];
  const internet = start(web, 'internet', ...node, join(root, 'test/fixtures/small-internet.ts'), address);
  await internet.line(/^serving$/);
  await startSshServer(mesh, address);
  const names = join(mesh.folder, 'resolv.conf');
  await writeFile(names, `nameserver ${address}\n`);
  const server = start(
    ...([far, 'sockssrv0'] as const),
    // Its own name server; the mount is seen by this program alone.
    ...['sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', names, ...node],
    ...[join(root, 'services/socks/server/main.ts'), 'sockssrv0', mesh.node(far).socket],
    ...['--allow', '198.18.0.0/15'],
  );
  await server.line(/^serving the rack/);
  const client = start(
    ...([near, 'sockscli0'] as const),
    ...[...node, join(root, 'services/socks/client/main.ts'), 'sockscli0', mesh.node(near).socket, '1080'],
    ...['--server', `${mesh.node(far).key}/sockssrv0`],
  );
  await client.line(/^listening on/);
}

/** Whoever has the key of this test may have standard input hashed, and nothing else. */
async function startSshServer(mesh: Mesh, address: string): Promise<void> {
  const file = (name: string) => join(mesh.folder, name);
  for (const name of ['host', 'user'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  const [hostKey, userKey] = await Promise.all(
    ['host.pub', 'user.pub'].map((name) => run('cat', [file(name)]).then(({ stdout }) => stdout)),
  );
  await writeFile(file('authorized'), `restrict,command="sha256sum" ${userKey}`);
  await writeFile(file('known'), `web.test ${hostKey}`);
  const sshd = await findSshd();
  const config = [
    ...sshd.config,
    ...[`ListenAddress ${address}`, 'Port 22', `HostKey ${file('host')}`, 'PidFile none', 'UsePAM no'],
    ...[`AuthorizedKeysFile ${file('authorized')}`, 'PermitRootLogin prohibit-password', 'StrictModes no'],
  ];
  await writeFile(file('sshd_config'), `${config.join('\n')}\n`);
  const [command, ...args] = [...sshd.command, '-D', '-f', file('sshd_config')];
  mesh.host(web).spawn(command, args, { stdio: 'ignore' });
}

/** Runs a program at the client's end. @returns what it prints */
const at = (mesh: Mesh, command: string, ...args: string[]) => mesh.host(near).run(command, ...args);

async function skipWithout(context: TestContext, command: string, ...args: string[]): Promise<void> {
  const reason = await whyNot(command, ...args);
  context.skip(reason !== undefined, reason);
}

it('curl reaches a name that only the server can resolve', async (context) => {
  const mesh = await socksIn(context);
  const page = await at(mesh, 'curl', '-sS', '--fail', '--socks5-hostname', proxy, 'http://web.test/');
  expect(page).toContain('<p>web.test</p>');
});

it('curl downloads 64 MiB through three nodes as they were sent', async (context) => {
  const mesh = await socksIn(context);
  const bytes = 64 * 1024 * 1024;
  const url = `http://${mesh.address(web, far)}/bytes/${bytes}`;
  const sum = await at(mesh, 'sh', '-c', `curl -sS --fail --socks5 ${proxy} ${url} | sha256sum`);
  const hash = createHash('sha256');
  const block = Buffer.alloc(64 * 1024, 'skyminer ');
  for (let left = bytes; left > 0; left -= block.length) hash.update(block);
  expect(sum.split(' ')[0]).toBe(hash.digest('hex'));
});

it.for([
  ['a name that leads to loopback', () => 'closed.test', '(2)'],
  ["the server's own address", (mesh: Mesh) => mesh.address(far, web), '(2)'],
  ["the server's node", (mesh: Mesh) => mesh.address(far, 'b'), '(2)'],
  ['a name that is not known', () => 'web.example', '(4)'],
  ['a port where nobody listens', () => 'web.test:81', '(5)'],
] as const)('curl is told that it cannot reach %s', async ([, host, code], context) => {
  const mesh = await socksIn(context);
  const error: unknown = await at(
    mesh,
    ...(['curl', '-sS', '--socks5-hostname', proxy, `http://${host(mesh)}/`] as const),
  ).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  expect(String(error)).toContain(code);
});

it('OpenSSH goes through it by a ProxyCommand, and the end of its input arrives', async (context) => {
  await skipWithout(context, 'which', 'nc');
  const mesh = await socksIn(context);
  const input = join(mesh.folder, 'input');
  const bytes = Buffer.alloc(8 * 1024 * 1024, 'ssh');
  await writeFile(input, bytes);
  const options = {
    ProxyCommand: `nc -X 5 -x ${proxy} %h %p`,
    IdentityFile: join(mesh.folder, 'user'),
    UserKnownHostsFile: join(mesh.folder, 'known'),
    StrictHostKeyChecking: 'yes',
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
  };
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const sum = await at(
    mesh,
    ...(['sh', '-c', 'exec ssh -F none "$@" root@web.test < "$0"', input] as const),
    ...args,
  );
  expect(sum.split(' ')[0]).toBe(createHash('sha256').update(bytes).digest('hex'));
});

it('PySocks sends and receives datagrams', async (context) => {
  await skipWithout(context, '/usr/bin/python3', '-c', 'import socks');
  const mesh = await socksIn(context);
  const script = `
import socket, socks
s = socks.socksocket(socket.AF_INET, socket.SOCK_DGRAM)
s.set_proxy(socks.SOCKS5, '127.0.0.1', 1080, rdns=True)
s.settimeout(5)
for turn in range(12):
    try:
        s.sendto(b'hello', ('web.test', 7))
        payload, (host, port) = s.recvfrom(100)
        print(payload.decode(), host, port)
        break
    except socket.timeout:
        pass
`;
  expect(await at(mesh, '/usr/bin/python3', '-c', script)).toBe(`HELLO ${mesh.address(web, far)} 7\n`);
});

it('Chromium shows a page whose script comes from another name', async (context) => {
  await skipWithout(context, 'which', 'chromium');
  const mesh = await socksIn(context);
  const off = ['gpu', 'quic', 'background-networking', 'component-update', 'sync', 'dev-shm-usage'];
  const document = await at(
    mesh,
    ...['env', `HOME=${mesh.folder}`, 'chromium', '--headless', '--no-sandbox', '--no-first-run'],
    ...off.map((feature) => `--disable-${feature}`),
    ...[`--user-data-dir=${join(mesh.folder, 'chromium')}`, `--proxy-server=socks5://${proxy}`],
    ...['--virtual-time-budget=10000', '--dump-dom', 'http://web.test/'],
  );
  expect(document).toContain('said by static.test');
});
