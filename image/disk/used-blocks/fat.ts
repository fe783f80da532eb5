import type { FileHandle } from 'node:fs/promises';
import type { Extent } from './extents.ts';

/** Fields of the boot sector: Microsoft's "FAT: General Overview of On-Disk Format", 1.03. */
interface Layout {
  clusterSize: number;
  fatAt: number;
  fatSize: number;
  dataAt: number;
  clusters: number;
  /** Of an entry of the table. */
  bits: 12 | 16 | 32;
}

/** @returns undefined where there is no FAT; its tables and root folder, and the clusters that are not free */
export async function fatExtents(
  head: Buffer,
  file: FileHandle,
  offset: number,
): Promise<Extent[] | undefined> {
  const layout = layoutOf(head);
  if (layout === undefined) return undefined;
  const { clusterSize, fatAt, fatSize, dataAt, clusters, bits } = layout;
  const { buffer: table } = await file.read(Buffer.alloc(fatSize), 0, fatSize, offset + fatAt);
  const used: Extent[] = [{ offset: 0, length: dataAt }];
  for (let cluster = 2; cluster < clusters + 2; cluster++) {
    if (entryOf(table, cluster, bits) !== 0)
      used.push({ offset: dataAt + (cluster - 2) * clusterSize, length: clusterSize });
  }
  return used;
}

function layoutOf(head: Buffer): Layout | undefined {
  if (head.length < 512 || head.readUInt16LE(510) !== 0xaa55 || !/^FAT/.test(fatName(head))) return undefined;
  const sector = head.readUInt16LE(11);
  const clusterSize = head.readUInt8(13) * sector;
  const reserved = head.readUInt16LE(14);
  const fatSectors = head.readUInt16LE(22) || head.readUInt32LE(36);
  const rootSectors = Math.ceil((head.readUInt16LE(17) * 32) / sector);
  const dataSector = reserved + head.readUInt8(16) * fatSectors + rootSectors;
  const sectors = head.readUInt16LE(19) || head.readUInt32LE(32);
  const clusters = Math.floor(((sectors - dataSector) * sector) / clusterSize);
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32;
  const fatSize = fatSectors * sector;
  if (!(clusters > 0) || fatSize * 8 < (clusters + 2) * bits) return undefined;
  return { clusterSize, fatAt: reserved * sector, fatSize, dataAt: dataSector * sector, clusters, bits };
}

/** Where FAT12 and FAT16 have their name, and FAT32. */
function fatName(head: Buffer): string {
  return `${head.toString('latin1', 54, 57)}`.startsWith('FAT') ? 'FAT' : head.toString('latin1', 82, 85);
}

function entryOf(table: Buffer, cluster: number, bits: Layout['bits']): number {
  if (bits === 16) return table.readUInt16LE(cluster * 2);
  if (bits === 32) return table.readUInt32LE(cluster * 4) & 0x0fffffff;
  const pair = table.readUInt16LE(cluster + (cluster >> 1));
  return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
}
