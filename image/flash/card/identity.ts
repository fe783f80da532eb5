import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { attribute } from '../attribute.ts';

/** What tells one drive from every other that has its name before or afterwards. */
export interface Identity {
  /** Path of its node, such as `/dev/sdb`. */
  path: string;
  /** As the kernel prints it: `8:16`. */
  device: string;
  /** Bytes. */
  size: number;
  serial: string | undefined;
  /** Counts what was ever attached to this machine; undefined before Linux 5.15. */
  sequence: string | undefined;
}

/** Folders of /sys from a drive up to the USB device or the card that it is in. */
const MOST_LEVELS = 10;

/** The identity of a whole drive as it is now. @param block its folder in /sys, such as /sys/dev/block/8:16 */
export async function identityOf(block: string, path: string): Promise<Identity> {
  const [device, sectors, sequence] = await Promise.all(
    ['dev', 'size', 'diskseq'].map((name) => attribute(join(block, name))),
  );
  return {
    ...{ path, device: device ?? '', size: Number(sectors ?? 0) * 512 },
    ...{ serial: await serialOf(await realpath(block)), sequence },
  };
}

/** In which respect two are not the same. */
export function difference(one: Identity, other: Identity): keyof Identity | undefined {
  const parts: (keyof Identity)[] = ['device', 'sequence', 'serial', 'size'];
  return parts.find((part) => one[part] !== other[part]);
}

/** That of the drive, or of the USB device that it is in. */
async function serialOf(block: string): Promise<string | undefined> {
  const own = await attribute(join(block, 'device/serial'));
  if (own !== undefined) return own;
  let folder = block;
  for (let level = 0; level < MOST_LEVELS; level++, folder = dirname(folder)) {
    const serial = await attribute(join(folder, 'serial'));
    if (serial !== undefined) return serial;
    if ((await attribute(join(folder, 'idVendor'))) !== undefined) return undefined;
  }
  return undefined;
}
