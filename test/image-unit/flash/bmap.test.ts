import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bmap, extentOf, mappedBytes } from '../../../image/flash/bmap/bmap.ts';
import { formatBmap } from '../../../image/flash/bmap/format.ts';
import { BmapError, MAX_BMAP_BYTES, parseBmap } from '../../../image/flash/bmap/parse.ts';
import { fuzzRuns, mutated } from '../../fuzz.ts';

const SUM = 'ab'.repeat(32);
const map: Bmap = {
  imageSize: 10 * 4096 + 512,
  blockSize: 4096,
  ranges: [
    { first: 0, last: 2, sha256: SUM },
    { first: 6, last: 6, sha256: SUM },
    { first: 10, last: 10, sha256: SUM },
  ],
};

const maps: fc.Arbitrary<Bmap> = fc
  .record({ rest: fc.nat({ max: 4095 }), steps: fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 20 }) })
  .map(({ rest, steps }) => {
    let next = 0;
    const ranges = steps.map(([gap, more]) => {
      const first = next + gap;
      next = first + more + 1;
      return { first, last: next - 1, sha256: SUM };
    });
    return { imageSize: next * 4096 + rest, blockSize: 4096, ranges };
  });

describe('a block map', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(maps, (any) => {
        expect(parseBmap(Buffer.from(formatBmap(any)))).toEqual(any);
      }),
    );
  });

  it('says where ranges lie, the last block of an image being as long as it is', () => {
    expect(map.ranges.map((range) => extentOf(map, range))).toEqual([
      { offset: 0, length: 3 * 4096 },
      { offset: 6 * 4096, length: 4096 },
      { offset: 10 * 4096, length: 512 },
    ]);
    expect(mappedBytes(map)).toBe(4 * 4096 + 512);
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['is no XML', () => '<bmap', /^it is no XML: /],
    [
      'has an entity of its own',
      (text) => text.replace('<bmap', '<!DOCTYPE a [<!ENTITY b "c">]><bmap').replace(' 4096 ', ' &b; '),
      /^it is no XML: /,
    ],
    ['is something else', () => '<svg/>', /^it is a <svg>/],
    ['is of another version', (text) => text.replace('2.0', '3.0'), /^it has version "3.0"/],
    ['was changed', (text) => text.replace('> 6 <', '> 7 <'), /^its own checksum is false/],
    [
      'has other checksums',
      (text) => text.replace('> sha256 <', '> sha1 <'),
      /^its checksums are of type "sha1"/,
    ],
    ['lacks its size', (text) => text.replace(/<ImageSize>.*/, ''), /^it has no <ImageSize>/],
    ['says its size twice', (text) => text.replace(/(<ImageSize>.*)/, '$1$1'), /^it has several <ImageSize>/],
    [
      'has a size that is no number',
      (text) => text.replace('41472', '0x7'),
      /^its ImageSize "0x7" is no number/,
    ],
    ['has a size beyond all cards', (text) => text.replace('41472', '99999999999999'), /^its ImageSize /],
    ['counts its blocks wrongly', (text) => text.replace('> 11 <', '> 12 <'), /^BlocksCount is 12, but/],
    [
      'counts its ranges wrongly',
      (text) => text.replace('> 6 <', '> 6-7 <'),
      /^MappedBlocksCount is 5, but its ranges have 6/,
    ],
    ['has overlapping ranges', (text) => text.replace('> 6 <', '> 2-3 <'), /^the range 2-3 overlaps/],
    ['has ranges out of order', (text) => text.replace('> 0-2 <', '> 7-9 <'), /^the range 6 overlaps/],
    [
      'has a range that ends before it begins',
      (text) => text.replace('> 6 <', '> 6-5 <'),
      /^the range 6-5 ends before/,
    ],
    [
      'has a range out of the image',
      (text) => text.replace('> 10 <', '> 11 <'),
      /^the range 11 is out of the image/,
    ],
    ['has a range of words', (text) => text.replace('> 6 <', '> six <'), /^"six" is no range/],
    [
      'lacks the checksum of a range',
      (text) => text.replace(/ chksum="\w+"> 6/, '> 6'),
      /^the range 6 has no SHA-256/,
    ],
    ['has a block size of no sector', (text) => text.replace('> 4096 <', '> 1000 <'), /^BlockSize 1000/],
  ])('that %s is refused', (name, change, complaint) => {
    const changed = change(formatBmap(map));
    const file = name === 'was changed' ? changed : summed(changed);
    expect(() => parseBmap(Buffer.from(file))).toThrow(BmapError);
    expect(() => parseBmap(Buffer.from(file))).toThrow(complaint);
  });

  it('that is endless is refused by its length', () => {
    expect(() => parseBmap(Buffer.alloc(MAX_BMAP_BYTES + 1))).toThrow(/longer than/);
  });

  it('is a map or a BmapError, whatever comes', () => {
    const files = mutated(maps.map((any) => Buffer.from(formatBmap(any)))).map((file) =>
      Buffer.from(summed(file.toString())),
    );
    fc.assert(
      fc.property(files, (file) => {
        const read = parsed(file);
        if (read instanceof BmapError) return;
        let next = 0;
        for (const { first, last } of read.ranges) {
          expect(first).toBeGreaterThanOrEqual(next);
          expect(last).toBeGreaterThanOrEqual(first);
          expect(last * read.blockSize).toBeLessThan(read.imageSize);
          next = last + 1;
        }
      }),
      fuzzRuns('block-map', 5_000),
    );
  });
});

function parsed(file: Buffer): Bmap | BmapError {
  try {
    return parseBmap(file);
  } catch (error) {
    if (error instanceof BmapError) return error;
    throw error;
  }
}

/** With its own checksum right again, so that what stands behind it is looked at. */
function summed(text: string): string {
  const place = /(?<=<BmapFileChecksum> )[0-9a-f]{64}/;
  const zeroed = text.replace(place, '0'.repeat(64));
  return zeroed.replace(place, createHash('sha256').update(zeroed).digest('hex'));
}
