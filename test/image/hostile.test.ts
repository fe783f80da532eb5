import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { failedUnits } from './failed-units.ts';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';
import { bundled } from './on-board.ts';
import type { Ssh } from './ssh.ts';

/** Generous: an emulated board on a busy machine takes seconds for what takes none. */
const SOON = { timeout: 180_000, interval: 500 };

interface App {
  id: number;
  app: string;
  state: string;
  pid: number | null;
  restarts: number;
  lastExit: { cause: string } | null;
}

/** The share of the hostile app. */
const DISK = 16 * 2 ** 20;

/** The victim and those that are hostile stay as they are in every version; another app changes its limits. */
const config = (cpus: number, disk: string) => `
apps:
  apptracker:
    path: apptracker
    default_args: ["127.0.0.1:20000"]
    environment: { SECRET: of-the-victim }
  hostile:
    path: /opt/hostile.mjs
    daemon: true
    restart: "no"
    stop_grace_period: 2s
    # Busy with what it means to do, it answers late; it is not to be ended for that.
    healthcheck: { timeout: 60s, retries: 10 }
    limits: { memory: 128M, cpus: 0.5, pids: 48, disk: ${DISK / 2 ** 20}M }
  other:
    path: apptracker
    default_args: ["127.0.0.1:20001"]
    limits: { memory: 128M, cpus: ${cpus}, pids: 48, disk: ${disk} }
  keeper:
    path: /opt/hostile.mjs
    default_args: [keep]
    daemon: true
  glutton:
    path: /opt/hostile.mjs
    default_args: [gorge]
    daemon: true
    restart: on-failure
    limits: { memory: 96M }
alerts:
  command: [sh, -c, "cat >> /data/viscript/alerts"]
  events: [over-limit]
`;

let guest: Guest;
let ssh: Ssh;
let victim: App;

beforeAll(async () => {
  guest = await bootedGuest();
  ssh = await guest.ssh();
  await upload('hostile.mjs', await bundled('test/image/hostile/app.ts'));
  await upload('pings.mjs', await bundled('test/image/hostile/pings.ts'));
  await upload('config.yaml', config(0.5, '8M'));
  await upload('next.yaml', config(0.75, '12M'));
  await guest.root.text(
    [
      'install -D -m 644 -t /opt /data/home/admin/hostile.mjs /data/home/admin/pings.mjs',
      'install -o viscript -m 600 /data/home/admin/config.yaml /data/viscript/config.yaml',
      '(umask 077; echo secret > /data/skyminer/identity.key)',
      'systemctl restart viscript',
    ].join(' && '),
  );
  await guest.cli.wake();
  await viscript('start', 'apptracker', '127.0.0.1:20000');
  victim = await inState('apptracker', 'ready');
}, BOOTING_MS);

afterAll(() => guest?.[Symbol.asyncDispose]());

describe('an update of viscript', () => {
  it('finds the apps again: ids, processes, output and ping', async () => {
    let before = '';
    await expect
      .poll(async () => {
        before = await viscript('logs', 'apptracker');
        return before;
      }, SOON)
      .toMatch(/127\.0\.0\.1:20000/);
    await guest.root.text('systemctl restart viscript');
    await guest.cli.wake();
    const after = await inState('apptracker', 'ready');
    expect(after).toMatchObject({ id: victim.id, pid: victim.pid, restarts: 0 });
    expect(await viscript('logs', 'apptracker')).toContain(before.trim().slice(-20));
    await expect
      .poll(() => ssh.run('viscript', ['ping', String(victim.id)]), SOON)
      .toMatchObject({ status: 0 });
  });
});

describe('a hostile app', () => {
  beforeAll(() =>
    guest.root.text(
      `systemd-run --quiet --unit pings --uid viscript --property StandardOutput=file:/run/pings node /opt/pings.mjs ${victim.id}`,
    ),
  );

  it('is refused all that it would read, write, speak to and become', async () => {
    const supervisor = Number(await guest.root.text('systemctl show viscript --property MainPID --value'));
    const { pid, id, app: name } = victim;
    const victims = { supervisor, pid, id, name, unit: 'viscript-app@apptracker.service' };
    const said = await told('hostile', ['spy', `'${JSON.stringify(victims)}'`], /\btried (\d+)$/m);
    expect(said.match(/^.*\bALLOWED .*$/gm) ?? []).toEqual([]);
    expect(said.match(/^.*\brefused /gm)?.length).toBe(Number(/tried (\d+)/.exec(said)?.[1]));
    const writable = Array.from(said.matchAll(/writable (.*)$/gm), ([, folder]) => folder);
    expect(writable).toEqual(['/dev/mqueue', '/dev/shm', '/tmp', '/var/tmp']);
    expect(await guest.root.text('systemctl show viscript --property MainPID --value')).toBe(`${supervisor}`);
    expect(await inState('apptracker', 'ready')).toMatchObject({ pid, restarts: 0 });
    await viscript('sd', String((await inState('hostile', 'ready')).id));
  });

  it('is bounded in disk, processes, descriptors and processor, and gone after sd with all that it left', async () => {
    const said = await told('hostile', ['hoard'], /\bhoarded$/m);
    const [, files] = /files: EDQUOT after (\d+)$/m.exec(said) ?? [];
    expect(Number(files)).toBeGreaterThan(256);
    expect(Number(files)).toBeLessThanOrEqual(DISK / 2 ** 16 + 256);
    const [, bytes] = /disk: EDQUOT after (\d+) bytes$/m.exec(said) ?? [];
    expect(Number(bytes)).toBeGreaterThan(DISK / 2);
    expect(Number(bytes)).toBeLessThanOrEqual(DISK);
    expect(said).toMatch(/processes: EAGAIN after \d\d$/m);
    expect(said).toMatch(/descriptors: EMFILE after 16\d{3}$/m);
    await guest.root.text(
      'runuser -u viscript -- sh -c "head -c 24M /dev/zero > /data/viscript/x && rm /data/viscript/x"',
    );
    const group = '/sys/fs/cgroup/apps.slice/viscript-app@hostile.service';
    const hoarder = await app('hostile');
    // It may have been too busy to answer, and have been ended for that; or it dies of what it took itself.
    if (hoarder?.state === 'ready')
      expect(await viscript('sd', String(hoarder.id))).toMatch(/was ended by SIGKILL|exited with code [1-9]/);
    await expect.poll(() => app('hostile'), SOON).not.toMatchObject({ state: 'ready' });
    expect(await guest.root.text(`ls -d ${group} 2>&1 || true`)).toMatch(/No such file/);
    expect(await guest.root.text('pgrep -x sleep || true')).toBe('');
    expect(await guest.root.text('ls -A /dev/shm')).toBe('');
    expect(await failedUnits(guest.root)).toBe('');
  });

  it('takes nothing of data but its own share, which another app has too', async () => {
    const taken = await guest.root.text('du -sB1 /var/lib/private/apps/hostile');
    expect(parseInt(taken, 10)).toBeGreaterThan(DISK / 2);
    await told('keeper', [], /\bkept \d+ bytes$/m);
    const { id } = await inState('keeper', 'ready');
    // Without a limit of its own it has the usual one, but never more than half of data.
    const [, share] = /, ([\d.]+) MiB on disk$/m.exec(await viscript('ru', String(id))) ?? [];
    const half = Number(await guest.root.text('stat -f -c %b /data')) / 2 / 256;
    expect(Number(share)).toBeCloseTo(Math.min(256, half), 0);
    await viscript('sd', String(id));
    await guest.root.text('rm /var/lib/private/apps/hostile/hoard /var/lib/private/apps/keeper/kept');
  });

  it('is restarted when it goes over its memory limit, status says so, and the alert command is run', async () => {
    await viscript('start', 'glutton');
    await expect
      .poll(() => app('glutton'), SOON)
      .toMatchObject({ lastExit: { cause: 'oom' }, restarts: expect.toSatisfy((count) => count >= 2) });
    expect(await viscript('status')).toMatch(/glutton .*last: was killed at its memory limit/);
    const alerts = () => guest.root.text('cat /data/viscript/alerts');
    await expect.poll(alerts, SOON).toMatch(/\n.*\}$/);
    for (const line of (await alerts()).split('\n'))
      expect(JSON.parse(line)).toMatchObject({
        event: 'over-limit',
        app: 'glutton',
        reason: 'was killed at its memory limit',
      });
    await viscript('sd', String((await app('glutton'))?.id));
    expect(await guest.root.text('ls -A /dev/shm')).toBe('');
  });

  it('has kept viscript from answering no ping of another app', async ({ annotate }) => {
    await guest.root.text('systemctl stop pings');
    const pings = (await guest.root.text('cat /run/pings')).split('\n');
    expect(pings.filter((line) => !/^\d+\.\d$/.test(line))).toEqual([]);
    const sorted = pings.map(Number).sort((a, b) => a - b);
    const [median, worst] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    await annotate(`${sorted.length} pings beside a hostile app: median ${median} ms, worst ${worst} ms`);
    expect(sorted.length).toBeGreaterThan(10);
  });
});

describe('the share of the disk', () => {
  it('is set by root, who takes nothing but a number from viscript', async () => {
    const asked = ['', '-1', '0x1000000', '1 2', '$(touch /run/odd)', '9'.repeat(16), '/etc/shadow'];
    const tries = asked.map(
      (text) =>
        `echo '${text}' > /run/launches/spec/odd.disk; sh /usr/lib/viscript/disk-share odd 2>&1; echo "status $?"`,
    );
    const said = (await guest.root.run(tries.join('; '))).output;
    expect(said.match(/^status 1$/gm)).toHaveLength(asked.length);
    expect(said.match(/odd\.disk: .* is no number of bytes$/gm)).toHaveLength(asked.length);
    expect(await guest.root.text('ls /run/odd /run/launches/disk/odd 2>&1 || true')).not.toMatch(/^\//m);
    await guest.root.text('rm /run/launches/spec/odd.disk');
  });
});

describe('reload', () => {
  it('restarts only the app whose limits changed, and the new ones are in force', async () => {
    await viscript('start', 'other');
    const before = await inState('other', 'ready');
    expect(await viscript('ru', String(before.id))).toMatch(
      /128\.0 MiB of memory, 0\.5 CPUs, 48 processes and threads, 8\.0 MiB on disk/,
    );
    await guest.root.text('install -o viscript -m 600 /data/home/admin/next.yaml /data/viscript/config.yaml');
    expect(await viscript('reload')).toMatch(/: restarted other$/m);
    const after = await inState('other', 'ready');
    expect(await viscript('ru', String(after.id))).toMatch(
      /128\.0 MiB of memory, 0\.75 CPUs, 48 processes and threads, 12\.0 MiB on disk/,
    );
    const { id, pid } = victim;
    expect(await inState('apptracker', 'ready')).toMatchObject({ id, pid, restarts: 0 });
  });
});

async function upload(name: string, content: string): Promise<void> {
  const answer = await ssh.run('admin', [`cat > ${name}`], { input: content });
  expect(answer, answer.stderr).toMatchObject({ status: 0 });
}

/** What a command prints on the serial line, where none needs a connection and a process of its own. */
function viscript(...words: string[]): Promise<string> {
  return guest.cli.run(words.join(' '));
}

async function result<Type>(command: string, ...words: string[]): Promise<Type> {
  const said = await viscript(command, '--json', ...words);
  const answer: Type & { error?: unknown } = JSON.parse(said);
  if (answer.error !== undefined) throw new Error(`${command} ${words.join(' ')}: ${said}`);
  return answer;
}

/** The newest launch of an app, running or over. */
async function app(name: string): Promise<App | undefined> {
  const { apps, over } = await result<{ apps: App[]; over: App[] }>('status');
  return [...over, ...apps]
    .filter((each) => each.app === name)
    .sort((one, other) => one.id - other.id)
    .at(-1);
}

async function inState(name: string, state: string): Promise<App> {
  // In a hook too, where expect.poll does not work.
  return vi.waitFor(async () => {
    const found = await app(name);
    expect(found).toMatchObject({ state });
    return found as App;
  }, SOON);
}

/** Starts an app and waits until its output matches. @returns all of it */
async function told(name: string, words: string[], pattern: RegExp): Promise<string> {
  const { id } = await result<{ id: number }>('start', name, ...words);
  let said = '';
  await expect
    .poll(async () => {
      said = await viscript('logs', '-n', '500', String(id));
      return said;
    }, SOON)
    .toMatch(pattern);
  return said;
}
