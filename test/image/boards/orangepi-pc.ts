import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Apt } from '../../../image/debian/apt.ts';
import { extractPackages } from '../../../image/debian/extract.ts';
import { findMirror } from '../../../image/debian/mirror.ts';
import { SUITE } from '../../../image/debian/packages.ts';
import { changeEnvironment, type EnvironmentChanges } from '../../../image/u-boot/environment.ts';

/** Debian's U-Boot for the sister of the board that QEMU emulates; both have the H3. */
const U_BOOT = './usr/lib/u-boot/orangepi_pc_plus/u-boot-sunxi-with-spl.bin';
const SPL_OFFSET = 8192;
/** QEMU takes cards of these sizes only: powers of two. */
const CARD_BYTES = 2 ** 30;

/**
 * An Allwinner board with the 32-bit ancestor of the H5, which QEMU emulates from its boot ROM on: SPL is read from 8 KiB of the
 * card, and U-Boot drives the same MMC controller.
 *
 * @param folder for what is downloaded, kept between runs
 */
export async function fetchUBoot(folder: string): Promise<Buffer> {
  await mkdir(folder, { recursive: true });
  const apt = new Apt(join(folder, 'apt'), SUITE, join(folder, 'apt.log'), 'armhf');
  await apt.update(await findMirror(), { updates: false });
  const { packages } = await apt.resolve(['u-boot-sunxi'], []);
  await apt.download(packages);
  const entry = packages.find(({ name }) => name === 'u-boot-sunxi');
  if (entry === undefined) throw new Error('apt has not resolved u-boot-sunxi');
  await extractPackages([apt.debOf(entry)], folder, { only: [U_BOOT] });
  return readFile(join(folder, U_BOOT));
}

/** Puts that board's own U-Boot on the image of another Allwinner board, with that one's environment. */
export async function adapt(image: string, uBoot: Buffer, environment: EnvironmentChanges): Promise<void> {
  const changed = changeEnvironment(uBoot, environment);
  await truncate(image, CARD_BYTES);
  await using file = await open(image, 'r+');
  await file.write(changed, 0, changed.length, SPL_OFFSET);
}

/** Starts the board, and ends it when its console has printed this. @returns all that it has printed */
export async function printsUntil(image: string, pattern: RegExp, timeoutMs: number): Promise<string> {
  const drive = `if=sd,format=raw,file=${image}`;
  const args = ['-M', 'orangepi-pc', '-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-drive'];
  const qemu = spawn('qemu-system-arm', [...args, drive], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(qemu, 'close');
  const deadline = AbortSignal.timeout(timeoutMs);
  deadline.addEventListener('abort', () => qemu.kill());
  let printed = '';
  qemu.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  for await (const chunk of qemu.stdout) {
    printed += String(chunk).replaceAll('\r', '');
    if (pattern.test(printed)) qemu.kill();
  }
  await ended;
  if (!pattern.test(printed)) throw new Error(`the board has not printed ${pattern}, but:\n${printed}`);
  return printed;
}
