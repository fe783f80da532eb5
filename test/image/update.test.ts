import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveGood } from '../../scripts/lib/prove-good.ts';
import { BreakingServer, Bundles } from './bundles.ts';
import { BOOTING_MS, copyOfImage, Guest } from './fixture.ts';
import { type NextImage, nextImage } from './next-image.ts';
import type { Ssh } from './ssh.ts';

/** Of the board, where it reaches this machine's web server. */
const PORT = 8080;
const INBOX = '/data/update';
const next = await nextImage();

describe.skipIf(next === undefined)(
  'an update (the mirror must have a second kernel)',
  () => {
    const { image, kernel } = next as NextImage;
    const stack = new AsyncDisposableStack();
    let bundles: Bundles;
    let server: BreakingServer;
    let guest: Guest;
    let ssh: Ssh;
    let card: string | undefined;
    let kernelBefore: string;

    beforeAll(async () => {
      bundles = stack.use(await Bundles.make());
      const bundle = await bundles.whole('next.raucb', image, bundles.second, '0.2.0');
      server = stack.use(await BreakingServer.serve(bundle, { after: 30_000_000, times: 2 }));
      card = await copyOfImage();
      // An update waits while the version that runs is on trial.
      await proveGood(card);
      guest = stack.use(
        await Guest.start({
          image: card,
          diskMiB: 2048,
          credentials: { 'skyminer.updates': await readFile(bundles.owner.authority, 'utf8') },
          services: [{ here: server.port, board: PORT }],
        }),
      );
      await guest.booted();
      ssh = await guest.ssh();
      kernelBefore = await guest.root.text('uname -r');
      await guest.root.text('echo kept > /data/viscript/note');
    }, BOOTING_MS);

    afterAll(async () => {
      await stack.disposeAsync();
      if (card !== undefined) await rm(card);
    });

    /** What is in the other slot, and whether it may be started. */
    const otherSlot = () =>
      guest.root.text(
        'head -c 1M /dev/disk/by-partlabel/rootB | sha256sum; sha256sum < /dev/disk/by-partlabel/bootB; for ask in get-primary "get-state B"; do /usr/lib/viscript/rauc-backend $ask; done',
      );

    it('changes nothing when the bundle is not to be trusted, not for this board, older, or not whole', async () => {
      const { owner, stranger } = bundles;
      const older = await bundles.small('older.raucb', { keys: owner, version: '0.0.9' });
      const refused: readonly [string, RegExp][] = [
        [
          await bundles.small('stranger.raucb', { keys: stranger }),
          /not signed by anybody whose key this board has/,
        ],
        [
          await bundles.small('other.raucb', { keys: owner, compatible: 'skyminer-toaster' }),
          /is for skyminer-toaster/,
        ],
        [
          await bundles.small('odd.raucb', { keys: owner, version: 'yesterday' }),
          /none that can be compared/,
        ],
        [older, /version 0\.0\.9, older than 0\.1\.0-\w+, which runs; --allow-downgrade/],
        [await bundles.cut(older, 'cut.raucb'), /the bundle cannot be used: it is not whole, or no bundle/],
      ];
      const before = await otherSlot();
      for (const [file, reason] of refused) {
        const name = `${INBOX}/${file.slice(bundles.folder.length + 1)}`;
        await copyIn(file);
        const answer = await ssh.run('viscript', ['update', name]);
        expect(answer).toMatchObject({ status: 1, stderr: expect.stringMatching(reason) });
      }
      const nowhere = await ssh.run('viscript', ['update', '/data/update/none.raucb']);
      expect(nowhere.stderr).toMatch(
        /none\.raucb cannot be read \(ENOENT\): copy the bundle to \/data\/update/,
      );
      const address = await ssh.run('viscript', ['update', 'ftp://example.org/next.raucb']);
      expect(address.stderr).toMatch(/begins with http:\/\/ or https:\/\//);
      expect(await otherSlot()).toBe(before);
    });

    it('comes over connections that break, and goes into the other slot whole', async () => {
      const answer = await ssh.run('viscript', ['update', `http://10.0.2.100:${PORT}/next.raucb`]);
      expect(answer).toMatchObject({ status: 0, stderr: '' });
      expect(answer.stdout).toMatch(/^ +\d+ % {2}downloading \(\d+ MB\)$/m);
      expect(answer.stdout).toMatch(/^100 % {2}Installing done\.$/m);
      expect(answer.stdout).toMatch(/^slot B has version 0\.2\.0; 'reboot' starts it$/m);
      const [first, ...more] = server.asked;
      expect(first).toBe(0);
      expect(more).toHaveLength(2);
      for (const start of more) expect(start).toBeGreaterThan(0);
      expect(await guest.root.text(`ls -A ${INBOX} | grep download || true`)).toBe('');
    });

    it('starts with kernel and modules of its own, and finds what is kept', async () => {
      const before = await kept();
      expect((await ssh.run('viscript', ['reboot'])).status).toBe(0);
      expect(await guest.booted()).toMatch(/slot B/);
      expect(await guest.root.text('uname -r')).toBe(kernel);
      expect(kernel).not.toBe(kernelBefore);
      await guest.root.text('modprobe tun');
      expect(await kept()).toBe(before);
    });

    it('is gone back from by hand, to the kernel and the modules of before', async () => {
      const before = await kept();
      expect((await ssh.run('viscript', ['rollback', '--reboot'])).stdout).toMatch(
        /^slot A starts next; the board/,
      );
      expect(await guest.booted()).toMatch(/slot A/);
      expect((await ssh.run('viscript', ['status'])).stdout).toContain('rolled back by hand');
      expect(await guest.root.text('uname -r')).toBe(kernelBefore);
      await guest.root.text('modprobe tun');
      expect(await kept()).toBe(before);
    });

    const kept = () =>
      guest.root.text(
        'cat /data/viscript/note /data/machine-id /data/ssh/host/ssh_host_ed25519_key.pub | sha256sum',
      );

    async function copyIn(file: string): Promise<void> {
      const args = [...ssh.options(), '-P', String(ssh.port), file, `admin@127.0.0.1:${INBOX}/`];
      await promisify(execFile)('scp', args);
    }
  },
  BOOTING_MS,
);
