import type { Extent } from '../../disk/used-blocks/extents.ts';

const MIB = 1024 * 1024;
/**
 * The master boot record, the header of the partition table, and the beginning of the SPL, which Allwinner's boot ROM looks
 * for at 8 KiB. Never all of an SPL: with a part of this alone, its checksum is false.
 */
const FIRST = 16 * 1024;

/**
 * What makes a card boot, on every board: boot code and the header of the partition table in the first MiB, and the copy of
 * that table at the end, by which firmware starts a disk whose first one is damaged. They are written in this order, each
 * when the one before is on the card; wiped, before anything else, they are in the other one.
 */
export function bootExtents(size: number): Extent[] {
  const head = Math.min(MIB, size);
  const tail = Math.max(head, Math.floor(size / MIB - 1) * MIB);
  return [
    { offset: tail, length: size - tail },
    { offset: Math.min(FIRST, head), length: head - Math.min(FIRST, head) },
    { offset: 0, length: Math.min(FIRST, head) },
  ].filter(({ length }) => length > 0);
}

/** Where older systems have a table, or a mark of theirs, at the end of a card. */
export function endExtent(cardSize: number): Extent {
  const offset = Math.max(0, cardSize - MIB);
  return { offset, length: cardSize - offset };
}
