import { createHash } from 'node:crypto';
import { parseXml, type XmlElement, XmlError } from '@rgrove/parse-xml';
import type { BlockRange, Bmap } from './bmap.ts';

/** A block map that cannot be used. */
export class BmapError extends Error {
  override readonly name = 'BmapError';
}

/** Of an image with 100,000 ranges. */
export const MAX_BMAP_BYTES = 16 * 1024 * 1024;
const MAX_RANGES = 131_072;
/** Bytes: larger than any card. */
const MAX_IMAGE = 2 ** 44;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Reads a block map and checks all that can be checked without its image.
 *
 * @throws {BmapError} saying what is wrong with it
 */
export function parseBmap(file: Uint8Array): Bmap {
  if (file.length > MAX_BMAP_BYTES) throw new BmapError(`it is longer than ${MAX_BMAP_BYTES} bytes`);
  const text = Buffer.from(file).toString('utf8');
  const root = rootOf(text);
  if (root.name !== 'bmap') throw new BmapError(`it is a <${root.name}>, not a <bmap>`);
  const version = root.attributes.version ?? '';
  if (!/^2\.\d{1,3}$/.test(version))
    throw new BmapError(`it has version ${quoted(version)}; versions 2.x are known`);
  checkSum(text, root);
  const imageSize = numberOf(textOf(root, 'ImageSize'), 'ImageSize', MAX_IMAGE);
  const blockSize = numberOf(textOf(root, 'BlockSize'), 'BlockSize', 2 ** 26);
  if (blockSize === 0 || blockSize % 512 !== 0)
    throw new BmapError(`BlockSize ${blockSize} is no multiple of 512`);
  const blocks = Math.ceil(imageSize / blockSize);
  const count = numberOf(textOf(root, 'BlocksCount'), 'BlocksCount', MAX_IMAGE);
  if (count !== blocks)
    throw new BmapError(
      `BlocksCount is ${count}, but ${imageSize} bytes are ${blocks} blocks of ${blockSize}`,
    );
  const ranges = rangesOf(only(root, 'BlockMap'), blocks);
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const said = numberOf(textOf(root, 'MappedBlocksCount'), 'MappedBlocksCount', MAX_IMAGE);
  if (said !== mapped)
    throw new BmapError(`MappedBlocksCount is ${said}, but its ranges have ${mapped} blocks`);
  return { imageSize, blockSize, ranges };
}

/** The sum is that of the file with the sum itself replaced by as many zeros. */
function checkSum(text: string, root: XmlElement): void {
  const type = textOf(root, 'ChecksumType');
  if (type !== 'sha256') throw new BmapError(`its checksums are of type ${quoted(type)}, not sha256`);
  const sum = textOf(root, 'BmapFileChecksum');
  if (!SHA256.test(sum)) throw new BmapError(`its BmapFileChecksum ${quoted(sum)} is no SHA-256`);
  const zeroed = text.replace(sum, '0'.repeat(sum.length));
  if (createHash('sha256').update(zeroed).digest('hex') !== sum)
    throw new BmapError('its own checksum is false: it is damaged, or was changed');
}

function rangesOf(map: XmlElement, blocks: number): BlockRange[] {
  const elements = childrenOf(map);
  if (elements.length > MAX_RANGES) throw new BmapError(`it has more than ${MAX_RANGES} ranges`);
  let next = 0;
  return elements.map((element) => {
    if (element.name !== 'Range') throw new BmapError(`its BlockMap has a <${element.name}>`);
    const where = element.text.trim();
    const [, from, to] = /^(\d{1,15})(?: ?- ?(\d{1,15}))?$/.exec(where) ?? [];
    if (from === undefined) throw new BmapError(`${quoted(where)} is no range of blocks`);
    const first = Number(from);
    const last = Number(to ?? from);
    if (last < first) throw new BmapError(`the range ${where} ends before it begins`);
    if (first < next)
      throw new BmapError(`the range ${where} overlaps the one before it, or is out of order`);
    if (last >= blocks)
      throw new BmapError(`the range ${where} is out of the image, which has ${blocks} blocks`);
    const sha256 = element.attributes.chksum ?? '';
    if (!SHA256.test(sha256)) throw new BmapError(`the range ${where} has no SHA-256 as its chksum`);
    next = last + 1;
    return { first, last, sha256 };
  });
}

function rootOf(text: string): XmlElement {
  try {
    const { root } = parseXml(text);
    if (root === null) throw new BmapError('it is empty');
    return root;
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause;
    throw new BmapError(`it is no XML: ${cause.message.split('\n', 1)[0]}`, { cause });
  }
}

function textOf(parent: XmlElement, name: string): string {
  const element = only(parent, name);
  if (childrenOf(element).length > 0) throw new BmapError(`its <${name}> has elements in it`);
  return element.text.trim();
}

function only(parent: XmlElement, name: string): XmlElement {
  const [element, second] = childrenOf(parent).filter((child) => child.name === name);
  if (element === undefined) throw new BmapError(`it has no <${name}>`);
  if (second !== undefined) throw new BmapError(`it has several <${name}>`);
  return element;
}

function childrenOf(parent: XmlElement): XmlElement[] {
  return parent.children.filter((child): child is XmlElement => child.type === 'element');
}

function numberOf(text: string, name: string, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw new BmapError(`its ${name} ${quoted(text)} is no number up to ${most}`);
  return value;
}

/** What a file says, in a message: short, and nothing that steers a terminal. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
