import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describeImage } from '../disk/describe.ts';
import { findPartition } from '../disk/partitions.ts';
import { squashfsSize } from '../disk/squashfs-size.ts';
import { ImageError } from '../error.ts';
import { run } from '../run.ts';
import { UpdateError } from './error.ts';

export interface BundleOptions {
  /** The disk image, of which the system in slot A is taken. */
  image: string;
  /** Where the bundle goes; a file that is there is replaced once the new one is whole. Default: its usual name beside the image. */
  out?: string | undefined;
  /** PEM files of whom it is signed by; `chain` has the certificates between this one and an authority that boards trust. */
  signer: { key: string; certificate: string; chain?: string | undefined };
  /** Instead of the version that the image says it has. */
  version?: string | undefined;
  log: string;
}

export interface Bundle {
  file: string;
  board: string;
  version: string;
}

/**
 * Makes a signed RAUC bundle (format verity) of an image: boot and root file system of a slot, as one update.
 *
 * @throws {UpdateError} when the image is none of ours, or a key is missing
 * @throws {CommandError} when RAUC does not sign it
 */
export async function makeBundle(options: BundleOptions): Promise<Bundle> {
  const image = resolve(options.image);
  const { signer, log } = options;
  for (const file of [signer.key, signer.certificate, ...(signer.chain === undefined ? [] : [signer.chain])])
    await requireFile(file);
  const target = options.out === undefined ? dirname(image) : dirname(resolve(options.out));
  // Beside the bundle, so that it can be renamed, and not in /tmp, which may be in memory.
  const work = await mkdtemp(join(target, '.bundle-'));
  try {
    const content = join(work, 'content');
    await run('mkdir', [content], { log });
    await ofOurs(copyRoot(image, join(content, 'root.img')));
    const { board, version: own } = await ofOurs(describeImage(image, log));
    const version = options.version ?? own;
    const { offset, size } = await findPartition(image, 'bootA');
    await copyRange(image, offset, size, join(content, 'boot.img'));
    await writeFile(join(content, 'manifest.raucm'), manifest(board, version));
    const made = join(work, 'bundle.raucb');
    await run('rauc', [...signing(signer), ...packing, 'bundle', content, made], { log });
    const file =
      options.out === undefined ? join(target, `skyminer-${board}-${version}.raucb`) : resolve(options.out);
    await rename(made, file);
    return { file, board, version };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The root is packed already; a boot file system is mostly zeros and a kernel that is packed too. */
const packing = ['--mksquashfs-args=-comp zstd -Xcompression-level 6 -b 256K'];

function signing({ key, certificate, chain }: BundleOptions['signer']): string[] {
  return [
    ...[`--cert=${resolve(certificate)}`, `--key=${resolve(key)}`],
    ...(chain === undefined ? [] : [`--intermediate=${resolve(chain)}`]),
  ];
}

function manifest(board: string, version: string): string {
  return [
    '[update]',
    `compatible=skyminer-${board}`,
    `version=${version}`,
    '[bundle]',
    'format=verity',
    '[image.rootfs]',
    'filename=root.img',
    '[image.boot]',
    'filename=boot.img',
    '',
  ].join('\n');
}

/** The file system alone, without the room behind it in its partition. */
async function copyRoot(image: string, target: string): Promise<void> {
  const { offset } = await findPartition(image, 'rootA');
  await copyRange(image, offset, await squashfsSize(image, 'rootA'), target);
}

/** @throws {UpdateError} there is no system of ours in slot A */
async function ofOurs<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof ImageError)) throw cause;
    throw new UpdateError(`${cause.message}; build one with 'skyminer image'`, { cause });
  }
}

async function copyRange(from: string, start: number, length: number, to: string): Promise<void> {
  await pipeline(createReadStream(from, { start, end: start + length - 1 }), createWriteStream(to));
}

async function requireFile(file: string): Promise<void> {
  await access(file).catch((cause: unknown) => {
    throw new UpdateError(`${file} cannot be read; make keys with 'skyminer update-keys'`, { cause });
  });
}
