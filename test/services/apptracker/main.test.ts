import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { urlOfSocket } from '../../../services/signal/index.ts';
import { scratchFolder, startServer, untilReady } from '../signal/support.ts';
import { connectTo, entryOf, freePort, launchTracker, secretOf, startTracker } from './support.ts';

const names = (found: { name: string }[]) => found.map(({ name }) => name);

describe('apptracker', () => {
  it('registers apps and finds them by name, by type, or all', async () => {
    const { address } = await startTracker(await scratchFolder());
    const client = await connectTo(address);
    await client.register(entryOf('sockssrv0'), secretOf('a'));
    await client.register(entryOf('sockssrv1'), secretOf('b'));
    await client.register(entryOf('vpnsrv0', 'vpn'), secretOf('c'));
    const other = await connectTo(address);
    expect(await other.find({ name: 'sockssrv0' })).toEqual([
      { ...entryOf('sockssrv0'), expiresIn: expect.any(Number) },
    ]);
    expect(names(await other.find({ type: 'socks' }))).toEqual(['sockssrv0', 'sockssrv1']);
    expect(names(await other.find())).toEqual(['sockssrv0', 'sockssrv1', 'vpnsrv0']);
    await other.release('sockssrv0', secretOf('a'));
    expect(await client.find({ name: 'sockssrv0' })).toEqual([]);
  });

  it('gives a restarted app its name back, and nobody else', async () => {
    const { address } = await startTracker(await scratchFolder());
    const before = await connectTo(address);
    await before.register(entryOf('app'), secretOf('owner'));
    before.close();
    const thief = await connectTo(address);
    await expect(thief.register(entryOf('app'), secretOf('thief'))).rejects.toMatchObject({ code: -32_010 });
    await expect(thief.renew('app', secretOf('thief'))).rejects.toMatchObject({ code: -32_010 });
    await expect(thief.release('app', secretOf('thief'))).rejects.toMatchObject({ code: -32_010 });
    const after = await connectTo(address);
    await after.register({ ...entryOf('app'), address: 'app:2' }, secretOf('owner'));
    expect(await thief.find({ name: 'app' })).toMatchObject([{ address: 'app:2' }]);
  });

  it('forgets an app that is dead, and keeps one that renews', async () => {
    const tracker = await startTracker(await scratchFolder());
    const client = await connectTo(tracker.address);
    await client.register(entryOf('dead'), secretOf('a'), 1_000);
    await client.register(entryOf('alive'), secretOf('b'), 60_000);
    await client.renew('alive', secretOf('b'));
    expect(await tracker.line(/^expired /)).toBe('expired dead');
    expect(names(await client.find())).toEqual(['alive']);
    await expect(client.renew('dead', secretOf('a'))).rejects.toMatchObject({ code: -32_011 });
  });

  it('survives being killed: names, owners and addresses are there again', async () => {
    const folder = await scratchFolder();
    const port = await freePort();
    const first = await startTracker(folder, port);
    const client = await connectTo(first.address);
    await client.register(entryOf('kept'), secretOf('owner'));
    await client.register(entryOf('released'), secretOf('owner'));
    await client.release('released', secretOf('owner'));
    first.child.kill('SIGKILL');
    await first.exited;
    await client.closed;

    const second = await startTracker(folder, port);
    const again = await connectTo(second.address);
    expect(await again.find()).toMatchObject([entryOf('kept')]);
    await expect(again.register(entryOf('kept'), secretOf('thief'))).rejects.toMatchObject({ code: -32_010 });
    await again.renew('kept', secretOf('owner'));
  });

  it('keeps its state from other users, and no secret in it', async () => {
    const folder = await scratchFolder();
    const { address } = await startTracker(folder);
    await (await connectTo(address)).register(entryOf('app'), secretOf('hush'));
    const [file = ''] = await readdir(folder);
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
    const text = await readFile(join(folder, file), 'utf8');
    expect(text).toContain('"app"');
    expect(text).not.toContain('hush');
  });

  it('sets a damaged state file aside, says so, and serves', async () => {
    const folder = await scratchFolder();
    const port = await freePort();
    const file = join(folder, `leases-127.0.0.1-${port}.json`);
    await writeFile(file, '{"version":1,"leases":[{');
    const tracker = await startTracker(folder, port);
    await (await connectTo(tracker.address)).register(entryOf('app'), secretOf('a'));
    expect(tracker.errors()).toContain(`${file} is damaged; kept as ${file}.bad`);
    expect(await readFile(`${file}.bad`, 'utf8')).toBe('{"version":1,"leases":[{');
  });

  it('serves on when its state cannot be written, and says so', async () => {
    const plain = join(await scratchFolder(), 'plain');
    await writeFile(plain, '');
    const tracker = await startTracker(join(plain, 'state'));
    const client = await connectTo(tracker.address);
    await client.register(entryOf('app'), secretOf('a'));
    expect(names(await client.find())).toEqual(['app']);
    expect(tracker.errors()).toContain('cannot keep the leases');
  });
});

describe('apptracker under viscript', () => {
  it('says when it serves, is measured, and drains when asked to', async () => {
    const { path, session } = await startServer();
    const tracker = launchTracker(['127.0.0.1:0'], {
      STATE_DIRECTORY: await scratchFolder(),
      SIGNAL_URL: urlOfSocket(path),
      SIGNAL_CLIENT_ID: '1',
      SIGNAL_TOKEN: 'first-1',
    });
    const registered = await session();
    const [[status], [metrics]] = await Promise.all([
      once(registered, 'status'),
      once(registered, 'metrics'),
      untilReady(registered),
    ]);
    expect(status).toMatch(/^listening on 127\.0\.0\.1:\d+$/);
    expect(metrics).toEqual({ apps: 0, clients: 0 });
    expect(await registered.ping()).toBeGreaterThan(0);
    const client = await connectTo(String(status).replace('listening on ', ''));
    await registered.shutdown(2_000);
    expect(await client.closed).toBe('the tracker stops');
    expect(await tracker.exited).toEqual({ code: 0, signal: null });
  });
});

describe('apptracker on the command line', () => {
  it.each([[[]], [['nowhere']], [['127.0.0.1:70000']], [['127.0.0.1:1', 'more']]])(
    'refuses %j with status 2 and the right form',
    async (args) => {
      const tracker = launchTracker(args);
      expect(await tracker.exited).toEqual({ code: 2, signal: null });
      expect(tracker.errors()).toContain('HOST:PORT');
    },
  );

  it('explains itself', async () => {
    const tracker = launchTracker(['--help']);
    expect(await tracker.line(/HOST:PORT/)).toBe('apptracker HOST:PORT');
    expect(await tracker.exited).toEqual({ code: 0, signal: null });
  });

  it('listens on loopback when no host is named', async () => {
    const { address } = await startTracker(await scratchFolder(), '0');
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('fails with status 1 when the port is taken', async () => {
    const folder = await scratchFolder();
    const { address } = await startTracker(folder);
    const second = launchTracker([address], { STATE_DIRECTORY: folder });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.errors()).toContain('EADDRINUSE');
  });
});
