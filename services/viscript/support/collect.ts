import { execFile } from 'node:child_process';
import { open, statfs } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import { showMesh } from '../../mesh/show.ts';
import { shown } from '../../net/control/messages.ts';
import type { CommandContext } from '../commands/command.ts';
import { describe } from '../commands/describe.ts';
import { formatLogTime } from '../commands/log-time.ts';
import type { AppConfig } from '../config/schema.ts';
import { inMemory } from '../supervisor/kept-log.ts';
import type { Launch } from '../supervisor/launch.ts';
import { isSecretName, type Redactor } from './redact.ts';

/** One file of the bundle. `text` gives what may still hold secrets; what it throws becomes the file's content. */
export interface Part {
  name: string;
  text(): Promise<string>;
}

/** Most characters of one file of the system, and what of a program's output is kept, its end. */
const mostText = 262_144;
const programMs = 10_000;
const logLines = 500;

/** What somebody far away needs to see to say what is wrong here. */
export function partsOf(context: CommandContext, redactor: Redactor, node: string | undefined): Part[] {
  const { supervisor, machine } = context;
  const json = (value: unknown) => JSON.stringify(value, undefined, 2);
  const launches = [...supervisor.over, ...supervisor.launches];
  const file = (path: string): Part => ({ name: `system${path}`, text: () => head(path) });
  return [
    {
      name: 'versions.json',
      text: async () => {
        const { version, host, slot, slotReason, lastEnd } = machine;
        const kernel = release();
        return json({
          ...{ version, host, slot, slotReason, lastEnd, node: process.version, kernel },
          ...{ architecture: process.arch, processors: cpus().length, uptime: machine.uptime() },
          troubles: await machine.troubles(),
          slots: await machine.slots(),
        });
      },
    },
    {
      name: 'config.json',
      text: async () => json([...supervisor.config.apps.values()].map((app) => safeConfig(app, redactor))),
    },
    {
      name: 'status.json',
      text: async () =>
        json(
          launches.map((launch) => ({ ...describe(launch, supervisor), args: redactor.args(launch.args) })),
        ),
    },
    { name: 'usage.json', text: async () => json(await usages(supervisor.launches)) },
    { name: 'disk.json', text: async () => json(await disks(['/', '/data', '/run', '/tmp'])) },
    ...['/etc/os-release', '/proc/cmdline', '/proc/meminfo', '/proc/self/mounts', '/proc/net/dev'].map(file),
    ...['/proc/net/fib_trie', '/proc/net/if_inet6', '/proc/net/route', '/proc/pressure/memory'].map(file),
    {
      name: 'kernel.log',
      text: () => program('journalctl', ['--dmesg', '--boot', '--lines=1000', '--no-pager'], 'dmesg'),
    },
    { name: 'journal.log', text: () => program('journalctl', ['--boot', '--lines=1000', '--no-pager']) },
    ...shown.map((what) => ({
      name: `mesh/${what}.json`,
      text: async () => (node === undefined ? 'no node is known here' : json(await showMesh(node, what))),
    })),
    ...[...supervisor.config.apps.keys()].map((app) => ({
      name: `logs/${app}.log`,
      text: () => logOf(app, context),
    })),
  ];
}

function safeConfig(app: AppConfig, redactor: Redactor) {
  const environment = Object.entries(app.environment).map(([name, value]) => [
    name,
    isSecretName(name) ? '[removed]' : redactor.text(value),
  ]);
  return { ...app, args: redactor.args(app.args), environment: Object.fromEntries(environment) };
}

async function usages(launches: readonly Launch[]) {
  const apps = await Promise.allSettled(launches.map((launch) => launch.usage()));
  return {
    supervisor: { ...process.memoryUsage(), cpu: process.cpuUsage(), load: loadavg() },
    apps: apps.map((usage, at) => ({
      id: launches[at]?.id,
      app: launches[at]?.app.name,
      ...(usage.status === 'fulfilled' ? usage.value : { error: String(usage.reason) }),
    })),
  };
}

async function disks(paths: readonly string[]) {
  const found = await Promise.allSettled(paths.map((path) => statfs(path)));
  return found.map((disk, at) => ({
    path: paths[at],
    ...(disk.status === 'fulfilled' ? disk.value : { error: String(disk.reason) }),
  }));
}

async function head(path: string): Promise<string> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(mostText);
    let length = 0;
    // A file of /proc gives no more than a page at a time.
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) return buffer.toString('utf8', 0, length);
    }
  } finally {
    await file.close();
  }
}

/** The end of what a program says; of `other` where there is no such program, as on a machine without systemd. */
function program(name: string, args: readonly string[], other?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: programMs, maxBuffer: 4 * 1_048_576 };
    execFile(name, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.slice(-mostText));
      else if (error.code === 'ENOENT' && other !== undefined) program(other, []).then(resolve, reject);
      else reject(new Error(`${name}: ${stderr.slice(-1000)}${error.message}`));
    });
  });
}

async function logOf(app: string, { supervisor }: CommandContext): Promise<string> {
  const launches = [...supervisor.over, ...supervisor.launches].filter((launch) => launch.app.name === app);
  const lines = inMemory(launches).slice(-logLines);
  return lines
    .map(({ time, id, stream, text }) => `${formatLogTime(time)} ${id} ${stream} ${text}\n`)
    .join('');
}
