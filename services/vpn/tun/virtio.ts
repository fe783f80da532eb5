/** struct virtio_net_hdr of linux/virtio_net.h, in the byte order of the machine: little, on all that we run on. */
export const VIRTIO_BYTES = 10;

const FLAGS = 0;
const GSO_TYPE = 1;
const HEADER_LENGTH = 2;
const GSO_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;

export const NEEDS_CHECKSUM = 1;
export const GSO_NONE = 0;
export const GSO_TCP4 = 1;
export const GSO_TCP6 = 4;
/** A bit beside the type: the train has the mark of congestion on its first packet. */
export const GSO_ECN = 0x80;

export interface VirtioHeader {
  needsChecksum: boolean;
  /** Without the bit of ECN. */
  gsoType: number;
  /** Payload of each packet of the train, in bytes. */
  gsoSize: number;
  /** Where what the checksum is over begins, and from there where the checksum stands. */
  checksumStart: number;
  checksumOffset: number;
}

export function readVirtio(bytes: Buffer): VirtioHeader {
  return {
    needsChecksum: ((bytes[FLAGS] ?? 0) & NEEDS_CHECKSUM) !== 0,
    gsoType: (bytes[GSO_TYPE] ?? 0) & ~GSO_ECN,
    gsoSize: bytes.readUInt16LE(GSO_SIZE),
    checksumStart: bytes.readUInt16LE(CHECKSUM_START),
    checksumOffset: bytes.readUInt16LE(CHECKSUM_OFFSET),
  };
}

/** Says that the train behind the header is of TCP and what each packet of it has. */
export function writeVirtio(
  bytes: Buffer,
  { gsoType, gsoSize, checksumStart, checksumOffset }: Omit<VirtioHeader, 'needsChecksum'>,
  headerLength: number,
): void {
  bytes[FLAGS] = NEEDS_CHECKSUM;
  bytes[GSO_TYPE] = gsoType;
  bytes.writeUInt16LE(headerLength, HEADER_LENGTH);
  bytes.writeUInt16LE(gsoSize, GSO_SIZE);
  bytes.writeUInt16LE(checksumStart, CHECKSUM_START);
  bytes.writeUInt16LE(checksumOffset, CHECKSUM_OFFSET);
}
