import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Roots } from '../../../image/flash/drives/roots.ts';

export interface MadeUpDisk {
  /** Folder of the device below /sys/devices, which tells how it is attached. */
  at: string;
  /** `8:0`; partitions follow it. */
  device: string;
  /** Sectors. */
  size?: number;
  partitions?: string[];
  /** Names of what is made of it, by the name of the disk or of a partition. */
  holders?: Record<string, string[]>;
  slaves?: string[];
  /** More files, by their path in its folder. */
  files?: Record<string, string>;
}

/** The folders /sys, /proc and /dev of a machine that is made up. */
export class MadeUpMachine {
  readonly roots: Roots;

  constructor(home: string) {
    this.roots = { sys: join(home, 'sys'), proc: join(home, 'proc'), dev: join(home, 'dev') };
  }

  async add(name: string, disk: MadeUpDisk): Promise<void> {
    const { sys } = this.roots;
    const folder = join(sys, 'devices', disk.at, 'block', name);
    const [major = '0', minor = '0'] = disk.device.split(':');
    await this.#node(name, folder, disk.device, disk.holders?.[name] ?? []);
    const files = {
      size: `${disk.size ?? 62_333_952}`,
      removable: '0',
      ro: '0',
      diskseq: minor,
      ...disk.files,
    };
    for (const [file, text] of Object.entries(files)) await put(join(folder, file), `${text}\n`);
    for (const slave of disk.slaves ?? []) await put(join(folder, 'slaves', slave), '');
    for (const [index, part] of (disk.partitions ?? []).entries()) {
      const place = join(folder, part);
      await this.#node(part, place, `${major}:${Number(minor) + index + 1}`, disk.holders?.[part] ?? []);
      await put(join(place, 'partition'), `${index + 1}\n`);
    }
  }

  /** @param mounts device number, place, type and source */
  async use(
    mounts: readonly (readonly [string, string, string, string])[],
    swaps: readonly string[] = [],
  ): Promise<void> {
    const lines = mounts.map(
      ([device, place, type, source], index) =>
        `${20 + index} 1 ${device} / ${place.replaceAll(' ', '\\040')} rw,relatime shared:1 - ${type} ${source} rw\n`,
    );
    await put(join(this.roots.proc, 'self/mountinfo'), lines.join(''));
    const rows = swaps.map((path) => `${path}\tpartition\t65532\t0\t-2\n`);
    await put(join(this.roots.proc, 'swaps'), `Filename\tType\tSize\tUsed\tPriority\n${rows.join('')}`);
  }

  async #node(name: string, folder: string, device: string, holders: readonly string[]): Promise<void> {
    const { sys, dev } = this.roots;
    await put(join(folder, 'dev'), `${device}\n`);
    for (const holder of holders) await put(join(folder, 'holders', holder), '');
    await put(join(dev, name), '');
    for (const link of [join(sys, 'class/block', name), join(sys, 'dev/block', device)]) {
      await mkdir(dirname(link), { recursive: true });
      await symlink(relative(dirname(link), folder), link);
    }
  }
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
