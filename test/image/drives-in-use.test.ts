import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../image/build.ts';
import { repository } from '../../image/files.ts';
import { showSteps } from '../../image/steps.ts';
import { runtimeBundle } from '../../scripts/lib/board-image.ts';
import { BOOTING_MS, Guest } from './fixture.ts';
import { imageUnderTest, WORK } from './image-under-test.ts';
import { isLong } from './long.ts';
import { bundled } from './on-board.ts';

/** What a computer has that people flash cards with, and a board has not. */
const LOCAL = `
packages: [cryptsetup-bin, lvm2, mdadm]
modules: [af_alg, algif_skcipher, dm_crypt, raid1, xts]
`;
const LUKS = '--batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000';

/**
 * Many a machine that runs tests has a kernel without RAID, LVM and encryption. An emulated board can have them, and
 * `skyminer flash` looks at drives there as it does anywhere.
 */
describe.skipIf(!isLong)('drives that something uses, on a kernel that can (needs SKYMINER_LONG)', () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await Guest.start({ image: await imageWithVolumes() });
    await guest.booted();
    const ssh = await guest.ssh();
    const input = await bundled('test/image/drives-in-use/look.ts');
    expect(await ssh.run('admin', ['cat > look.mjs'], { input })).toMatchObject({ status: 0 });
  }, BOOTING_MS);

  afterAll(() => guest?.[Symbol.asyncDispose]());

  it('refuses the parts of a RAID that runs, those of one that does not, and takes them when they are wiped', async () => {
    const [one, two] = [await loop(), await loop()];
    await root(`mdadm --create /dev/md/pair --run --level=1 --raid-devices=2 ${one} ${two}`);
    expect(await look(one, two)).toEqual([running('RAID md'), running('RAID md')]);
    await root('mdadm --stop /dev/md/pair');
    expect(await look(one, two)).toEqual([holding('RAID'), holding('RAID')]);
    await root(`wipefs --all --quiet ${one} ${two}`);
    expect(await look(one, two)).toEqual([null, null]);
  });

  it('refuses what an open encrypted volume lies on, and one that is closed', async () => {
    const device = await loop();
    await root(`printf secret | cryptsetup luksFormat ${LUKS} ${device} -`);
    await root(`printf secret | cryptsetup open --key-file - ${device} hidden`);
    expect(await look(device)).toEqual(['is part of the encrypted volume hidden']);
    await root('cryptsetup close hidden');
    expect(await look(device)).toEqual([holding('encryption')]);
  });

  it('refuses what a logical volume lies on, and a group of which none is active', async () => {
    const [one, two] = [await loop(), await loop()];
    await root(`vgcreate group ${one} ${two} && lvcreate --yes --name both --extents 100%FREE group`);
    expect(await look(one, two)).toEqual([running('LVM volume'), running('LVM volume')]);
    await root('vgchange --activate n group');
    expect(await look(one, two)).toEqual([holding('LVM'), holding('LVM')]);
  });

  it('refuses what lies below a mounted file system on LVM on encryption on RAID', async () => {
    const [one, two] = [await loop(), await loop()];
    await root(`mdadm --create /dev/md/deep --run --level=1 --raid-devices=2 ${one} ${two}`);
    await root(`printf secret | cryptsetup luksFormat ${LUKS} /dev/md/deep -`);
    await root('printf secret | cryptsetup open --key-file - /dev/md/deep deeper');
    await root(
      'vgcreate deepest /dev/mapper/deeper && lvcreate --yes --name files --extents 100%FREE deepest',
    );
    await root('mke2fs -q /dev/deepest/files && mkdir /tmp/files && mount /dev/deepest/files /tmp/files');
    const mounted = 'is mounted at /tmp/files';
    expect(await look(one, two)).toEqual([mounted, mounted]);
  });

  async function root(command: string): Promise<string> {
    return guest.root.text(command);
  }

  /** A drive of 64 MiB with nothing on it, in memory. */
  function loop(): Promise<string> {
    return root('file=$(mktemp) && truncate -s 64M $file && losetup --find --show $file');
  }

  async function look(...devices: string[]): Promise<(string | null)[]> {
    await root('udevadm settle');
    const lines = await root(`node /data/home/admin/look.mjs ${devices.join(' ')}`);
    return lines.split('\n').map((line) => JSON.parse(line));
  }
});

function running(what: string): unknown {
  return expect.stringMatching(new RegExp(`^is part of the ${what}`));
}

function holding(what: string): unknown {
  return expect.stringMatching(new RegExp(`^holds ${what} \\(loop\\d+\\): if that may go, type 'wipefs`));
}

/** The image under test, with what else a person wants on it: from a local.yaml of ours. */
async function imageWithVolumes(): Promise<string> {
  // The runtime is bundled for it.
  await imageUnderTest();
  const out = join(WORK, 'volumes');
  await mkdir(out, { recursive: true });
  const local = join(out, 'local.yaml');
  await writeFile(local, LOCAL);
  const { image } = await buildImage({
    ...{ board: 'qemu-aarch64', source: 'debian', out, cache: join(repository, 'out/cache') },
    ...{ local, bundle: runtimeBundle },
    steps: showSteps({ logs: join(WORK, 'logs-volumes'), output: process.stderr }),
  });
  return image;
}
