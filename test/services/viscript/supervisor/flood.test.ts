import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ControlClient } from '../../../../services/viscript/control/client.ts';
import { bundle, root, signalApp, temporaryFolder } from '../support.ts';

const flood = join(root, 'scripts/endurance/abuse/flood.ts');
const kinds = ['lines', 'endless', 'binary', 'escapes'];
const mebibytes = 150;
/**
 * What the memory of the supervisor may grow by, in bytes: 256 Ki characters a flood, and buffers that wait to be collected, of
 * which there are the more the busier the machine is (up to 55 MB was seen). What is written is 600 MB.
 */
const mostGrowth = 100_000_000;

const config = `
apps:
  answerer: { path: ${signalApp}, daemon: true }
  counter: { path: sh, restart: "no", default_args: ["-c", "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); sleep 0.02; done"] }
${kinds.map((kind) => `  ${kind}: { path: ${flood}, restart: "no", default_args: [${kind}, "100", "${mebibytes}"] }`).join('\n')}
`;

it('apps that write 100 MB/s cost neither memory nor disk nor other apps their answers and lines', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'config.yaml'), config);
  const supervisor = await startSupervisor(folder.path);
  const client = await ControlClient.connect(join(folder.path, 'run/control.sock'));
  try {
    const run = async (...argv: string[]) => {
      const said = { stdout: '', stderr: '' };
      const add = (stream: 'stdout' | 'stderr', text: string) => {
        said[stream] += text;
      };
      const options = { argv, json: true, columns: 0, color: false };
      return { status: await client.run(options, add, new AbortController().signal), ...said };
    };
    await run('start', 'answerer');
    for (const registered = { is: false }; !registered.is; ) {
      registered.is = (await run('list_apps')).stdout.includes('"state":"ready"');
    }
    const { pid }: { pid: number } = JSON.parse((await run('status')).stdout);
    const before = await resident(pid);
    await run('start', 'counter');
    for (const kind of kinds) await run('start', kind);
    let most = before;
    const running = async () => {
      const launches: { app: string }[] = JSON.parse((await run('list_apps')).stdout);
      return launches.some(({ app }) => app !== 'answerer');
    };
    let answered = 0;
    while (await running()) {
      // The distance between two samples: an app takes no more than so many.
      await delay(20);
      // A ping that misses its deadline fails the command.
      const { status: how, stderr } = await run('ping', '1');
      expect({ how, stderr }).toEqual({ how: 0, stderr: '' });
      answered++;
      most = Math.max(most, await resident(pid));
    }
    expect(answered).toBeGreaterThan(10);
    expect(most - before).toBeLessThan(mostGrowth);
    for (const kind of kinds) {
      const { stdout } = await run('logs', kind, '-n', '100000');
      const lines = stdout
        .trim()
        .split('\n')
        .map((line): { stream: string; text: string } => JSON.parse(line));
      const written = Number(/^wrote (\d+) bytes$/.exec(lines.at(-1)?.text ?? '')?.[1]);
      const told = lines.filter(({ stream }) => stream === 'viscript');
      const dropped = told.reduce(
        (sum, { text }) => sum + Number(/(\d+) bytes dropped/.exec(text)?.[1] ?? 0),
        0,
      );
      expect({ kind, written }).toEqual({
        kind,
        written: expect.toSatisfy((bytes) => bytes >= mebibytes * 1_048_576),
      });
      expect({ kind, share: dropped / written > 0.9 }).toEqual({ kind, share: true });
      expect(dropped).toBeLessThan(written);
    }
    const counted = await run('logs', 'counter', '-n', '1000');
    const lines = counted.stdout
      .trim()
      .split('\n')
      .map((line): { text: string } => JSON.parse(line));
    expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 200 }, (_, at) => `line ${at}`));
    const log = join(folder.path, 'state/viscript/log');
    for (const name of await readdir(log)) {
      expect((await stat(join(log, name))).size).toBeLessThan(1_200_000);
    }
    process.stdout.write(`resident before ${before}, at most ${most}; ${answered} pings answered\n`);
  } finally {
    client.close();
    supervisor.kill('SIGTERM');
    await once(supervisor, 'exit');
  }
});

/** Under its guard, as people run it; resolves when it serves. */
async function startSupervisor(folder: string): Promise<ChildProcess> {
  const { PATH, HOME } = process.env;
  const place = ['--runtime-dir', join(folder, 'run'), '--config', join(folder, 'config.yaml')];
  const child = spawn(process.execPath, [join(bundle, 'viscript.js'), ...place, '--headless'], {
    env: { PATH, HOME, XDG_STATE_HOME: join(folder, 'state') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      said = (said + chunk).slice(-65_536);
      if (said.includes('ready:')) resolve();
    });
    child.once('exit', () => reject(new Error(said)));
  });
  return child;
}

/** Resident memory of a process, bytes. */
async function resident(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
