import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { connect as connectTo, createServer, type ListenOptions } from 'node:net';
import { setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '../../../services/signal/client.ts';
import { reasonOf, say } from './say.ts';

/** Whom it spies on. */
export interface Victims {
  /** Pid of viscript. */
  supervisor: number;
  /** Another app: its pid, its id with viscript, its name and its unit. */
  pid: number;
  id: number;
  name: string;
  unit: string;
}

type Attempt = [deed: string, attempt: () => unknown];

/** Tries all it should not do; says `refused DEED: REASON` or `ALLOWED DEED` of each, and how many there were. */
export async function spy(victims: Victims, credentials: NodeJS.ProcessEnv): Promise<void> {
  const attempts = [
    ...secrets(victims),
    ...places(victims),
    ...people(victims, credentials),
    ...powers(victims),
  ];
  for (const [deed, attempt] of attempts) {
    try {
      await attempt();
      say(`ALLOWED ${deed}`);
    } catch (error) {
      say(`refused ${deed}: ${reasonOf(error)}`);
    }
  }
  for (const folder of await writableFolders()) say(`writable ${folder}`);
  say(`tried ${attempts.length}`);
}

/** What it would read. */
function secrets({ supervisor, pid, name, unit }: Victims): Attempt[] {
  const files = [
    '/data/skyminer/identity.key',
    '/data/viscript/config.yaml',
    '/data/ssh/host/ssh_host_ed25519_key',
    `/run/credentials/${unit}/launch`,
    `/run/launches/spec/${name}`,
    '/run/viscript/launches.json',
    ...[supervisor, pid, 1].flatMap((other) =>
      ['environ', 'cmdline', 'maps', 'mem', 'cwd/x'].map((file) => `/proc/${other}/${file}`),
    ),
    '/etc/shadow',
    '/dev/kmsg',
    '/dev/vda',
    '/dev/mem',
    '/dev/ttyAMA0',
  ];
  const folders = [
    '/data',
    '/run/launches/spec',
    '/run/viscript/input',
    `/var/lib/apps/${name}`,
    `/proc/${pid}/fd`,
    `/proc/${supervisor}/root`,
  ];
  return [
    ...files.map((file): Attempt => [`read ${file}`, () => readFileSync(file)]),
    ...folders.map((folder): Attempt => [`list ${folder}`, () => readdirSync(folder)]),
    ['see the folders of other apps', () => othersIn('/var/lib/private/apps')],
    ['read the journal', () => run('sh', '-c', 'cat /run/log/journal/*/*')],
  ];
}

/** What it would write. */
function places({ unit }: Victims): Attempt[] {
  const group = '/sys/fs/cgroup/apps.slice';
  const own = readFileSync('/proc/self/cgroup', 'utf8').trim().replace(/^0::/, '/sys/fs/cgroup');
  return [
    ['write /usr/x', () => writeFileSync('/usr/x', 'x')],
    ['write /etc/x', () => writeFileSync('/etc/x', 'x')],
    ['write /run/viscript/x', () => writeFileSync('/run/viscript/x', 'x')],
    ['write /run/launches/exit/x', () => writeFileSync('/run/launches/exit/x', 'x')],
    ['write /proc/sys/kernel/core_pattern', () => appendFileSync('/proc/sys/kernel/core_pattern', '|/tmp/x')],
    ['write /proc/sysrq-trigger', () => appendFileSync('/proc/sysrq-trigger', 'c')],
    ['raise its own limit', () => writeFileSync(`${own}/memory.max`, 'max')],
    ['raise the limit of all apps', () => writeFileSync(`${group}/memory.max`, 'max')],
    ['give a file away', () => giveAway(join(process.env.STATE_DIRECTORY ?? '', 'given'))],
    ['raise its share of the disk', () => run('setquota', '-u', String(process.getuid?.()), ...'0000', '-a')],
    ['leave its control group', () => writeFileSync('/sys/fs/cgroup/cgroup.procs', '0')],
    ['join another’s control group', () => writeFileSync(`${group}/${unit}/cgroup.procs`, '0')],
    ['make a control group', () => mkdirSync(`${own}/x`)],
  ];
}

/** Whom it would speak to, in another’s name. */
function people({ id }: Victims, credentials: NodeJS.ProcessEnv): Attempt[] {
  const notify = (message: string): Attempt => [
    `tell systemd ${message}`,
    () => run('env', 'NOTIFY_SOCKET=/run/systemd/notify', 'systemd-notify', '--no-block', message),
  ];
  return [
    ['open the control socket', () => reach('/run/viscript/control.sock')],
    ['open the bus', () => reach('/run/dbus/system_bus_socket')],
    ['open systemd’s own socket', () => reach('/run/systemd/private')],
    [
      'register as another app',
      () => connect({ environment: { ...credentials, SIGNAL_CLIENT_ID: String(id) } }),
    ],
    ['register a second time', () => connect({ environment: { ...credentials } })],
    notify('READY=1'),
    notify('WATCHDOG=1'),
    notify(`MAINPID=${process.pid}`),
    ['stop viscript', () => run('systemctl', '--no-ask-password', 'stop', 'viscript.service')],
    ['start a unit', () => run('systemd-run', '--no-ask-password', 'true')],
  ];
}

/** What it would do to others, and become. */
function powers({ supervisor, pid }: Victims): Attempt[] {
  return [
    ['kill viscript', () => process.kill(supervisor, 'SIGKILL')],
    ['kill another app', () => process.kill(pid, 'SIGKILL')],
    ['kill systemd', () => process.kill(1, 'SIGKILL')],
    ['become root', () => process.setuid?.(0)],
    ['become viscript', () => process.setuid?.('viscript')],
    ['come first', () => setPriority(-20)],
    ['have more descriptors', () => run('sh', '-c', 'ulimit -n 1000000')],
    ['mount', () => run('mount', '-t', 'tmpfs', 'x', '/tmp')],
    ['make a namespace', () => run('unshare', '--user', '--map-root-user', 'true')],
    ['make a device', () => run('mknod', '/tmp/disk', 'b', '254', '0')],
    ['set the clock', () => run('date', '-s', '@0')],
    ['set the hostname', () => run('hostname', 'mine')],
    ['change the network', () => run('ip', 'link', 'set', 'lo', 'down')],
    ['change the packet filter', () => run('nft', 'add', 'table', 'inet', 'x')],
    ['listen below 1024', () => listen({ port: 80, host: '127.0.0.1' })],
    ['open a tunnel', () => openSync('/dev/net/tun', 'r+')],
    [
      'run with the rights of a file’s owner',
      () => run('sh', '-c', 'cp /bin/true /tmp/t && chmod 4755 /tmp/t'),
    ],
  ];
}

/** @throws when there is nothing but its own */
function othersIn(folder: string): void {
  const own = basename(process.env.STATE_DIRECTORY ?? '');
  if (readdirSync(folder).every((name) => name === own)) throw new Error('there is but its own');
}

/** What is not its own does not count as its own. */
function giveAway(path: string): void {
  writeFileSync(path, 'x');
  chownSync(path, 0, 0);
}

async function run(command: string, ...words: string[]): Promise<void> {
  await promisify(execFile)(command, words, { timeout: 60_000 });
}

async function reach(path: string): Promise<void> {
  const socket = connectTo(path);
  await once(socket, 'connect');
  socket.destroy();
}

async function listen(where: ListenOptions): Promise<void> {
  const server = createServer().listen(where);
  await once(server, 'listening');
  server.close();
}

async function writableFolders(): Promise<string[]> {
  const words = [
    '/',
    '-maxdepth',
    '4',
    '-path',
    '/proc',
    '-prune',
    '-o',
    '-type',
    'd',
    '-writable',
    '-print',
  ];
  // It may not look everywhere, which ends it with 1.
  const { stdout } = await promisify(execFile)('sh', ['-c', `find "$@" 2>/dev/null || :`, 'sh', ...words]);
  return stdout.split('\n').filter(Boolean).sort();
}
