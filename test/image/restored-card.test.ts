import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cardOf } from '../../image/provision/from-rack.ts';
import { provision } from '../../image/provision/provision.ts';
import { enrol } from '../../image/rack/enrol.ts';
import { run } from '../../image/run.ts';
import { PASSPHRASE, passphrase, RackShelf, rewrite } from '../image-unit/rack/a-rack.ts';
import { failedUnits } from './failed-units.ts';
import { BOOTING_MS, copyOfImage, Guest } from './fixture.ts';
import { imageUnderTest } from './image-under-test.ts';
import { isLong } from './long.ts';
import { skyminerFor } from './skyminer.ts';

const CONFIG = 'apps:\n  greeter:\n    path: /bin/sleep\n    default_args: [infinity]\n    autostart: true\n';
/** What makes a board itself. */
const SELF = [
  'hostname',
  'sha256sum < /data/skyminer/identity.key',
  'sha256sum < /data/ssh/host/ssh_host_ed25519_key',
  'cat /data/skyminer/members /data/skyminer/mesh.yaml /data/viscript/config.yaml',
].join(' && ');

let shelf: RackShelf;
let rack: string;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'restored-card-'));
  shelf = await RackShelf.make();
  rack = await shelf.create(1);
  // Where QEMU's network expects the board, so that SSH finds it.
  await rewrite(rack, 'network: 192.168.0.0/24', 'network: 10.0.2.0/24');
  await rewrite(rack, 'gateway: 192.168.0.1', 'gateway: 10.0.2.2');
  await rewrite(rack, '{address: 192.168.0.2,', '{address: 10.0.2.15,');
  await enrol(rack, passphrase);
});

afterAll(async () => {
  await shelf.remove();
  await rm(home, { recursive: true });
});

describe.skipIf(!isLong)('the card of a backup (needs SKYMINER_LONG)', () => {
  it(
    'starts as the board of which the backup was made',
    async () => {
      const image = await copyOfImage();
      const { settings, secrets } = await cardOf(rack, 'node1');
      await provision(image, settings, secrets, { force: false });
      const backup = join(home, 'node1.backup');
      let self: string;
      {
        await using guest = await Guest.start({ image });
        await guest.booted();
        await guest.root.text(`printf '${CONFIG.replaceAll('\n', '\\n')}' > /data/viscript/config.yaml`);
        await guest.root.text('chown viscript:viscript /data/viscript/config.yaml');
        await guest.root.text('systemctl restart viscript');
        self = await guest.root.text(SELF);
        const told = await skyminerFor({ guest, board: 'node1', rack }, ['backup', 'node1', '--out', backup]);
        expect(told).toMatch(/: node1 as of 20/);
      }
      await rm(image);

      const card = join(home, 'card.img');
      await writeFile(join(home, 'passphrase'), `${PASSPHRASE}\n`);
      await chmod(join(home, 'passphrase'), 0o600);
      const { image: common } = await imageUnderTest();
      const program = join(import.meta.dirname, '../../scripts/skyminer/main.ts');
      const words = ['restore', 'node1', backup, '--image', common, '--out', card, '--rack', rack];
      await run(process.execPath, [program, ...words, '--passphrase-file', join(home, 'passphrase')]);

      await using guest = await Guest.start({ image: card });
      const greeting = await guest.booted();
      expect(greeting).toContain('· node1');
      expect(greeting).not.toContain('Trouble');
      expect(await guest.root.text(SELF)).toBe(self);
      await expect
        .poll(() => guest.cli.run('list_apps'), { timeout: 120_000, interval: 1000 })
        .toMatch(/-> \[ \/bin\/sleep \]/);
      expect(await failedUnits(guest.root)).toBe('');
    },
    2 * BOOTING_MS,
  );
});
