import { createHash } from 'node:crypto';
import type { Bmap } from './bmap.ts';

const NO_SUM = '0'.repeat(64);

/** The text of a block map, as bmaptool reads it. */
export function formatBmap({ imageSize, blockSize, ranges }: Bmap): string {
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const lines = ranges.map(({ first, last, sha256 }) => {
    const blocks = first === last ? `${first}` : `${first}-${last}`;
    return `        <Range chksum="${sha256}"> ${blocks} </Range>\n`;
  });
  const text = `<?xml version="1.0" ?>
<!-- The blocks of a disk image that have to be written, as bmaptool and 'skyminer flash' read it. -->
<bmap version="2.0">
    <ImageSize> ${imageSize} </ImageSize>
    <BlockSize> ${blockSize} </BlockSize>
    <BlocksCount> ${Math.ceil(imageSize / blockSize)} </BlocksCount>
    <MappedBlocksCount> ${mapped} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> ${NO_SUM} </BmapFileChecksum>
    <BlockMap>
${lines.join('')}    </BlockMap>
</bmap>
`;
  return text.replace(NO_SUM, createHash('sha256').update(text).digest('hex'));
}
