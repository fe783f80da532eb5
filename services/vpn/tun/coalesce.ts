import { familyOf } from '../packet.ts';
import { LONGEST_BYTES, type Train } from '../train.ts';
import { fold } from './checksum.ts';
import {
  ACK,
  CWR,
  finishIpHeader,
  hasTcpChecksum,
  IPV4_CHECKSUM,
  IPV4_ID,
  IPV4_LENGTH,
  IPV6_LENGTH,
  PSH,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  TCP_FLAGS,
  TCP_SEQUENCE,
  type TcpParts,
  tcpPartsOf,
} from './tcp-packet.ts';
import { GSO_ECN, GSO_TCP4, GSO_TCP6, VIRTIO_BYTES, writeVirtio } from './virtio.ts';

/** No packet of IP is longer; what is put together must not be either. */
const MOST_BYTES = 65_535;
/** Where everything is put together that is written, one after the other: the same memory is at hand, other is not. */
const output = Buffer.allocUnsafeSlow(VIRTIO_BYTES + LONGEST_BYTES);

/** Packets of one TCP connection that follow each other, a train of them, or a single packet of any kind. */
interface Run {
  packets: Buffer[];
  /** Undefined for a packet that is no part of a run. */
  parts: TcpParts | undefined;
  /** All of it as one packet, in bytes. */
  bytes: number;
  /** Payload of every packet but the last. */
  size: number;
  /** The sequence number that would come next. */
  next: number;
  /** Nothing may follow: the last packet was a short one, or pushes; or it was a train before. */
  closed: boolean;
}

/**
 * Puts packets of TCP that follow each other together, so that the kernel takes them as one: what a network card does on receipt.
 * The order stays. A packet whose checksum is wrong stays alone, and the kernel judges it. What is a train already stays one.
 *
 * @param trains whole packets, and trains
 * @param write gets what is to be written to the device at once, with its header of virtio; the bytes are there until it returns
 */
export function coalesce(trains: readonly Train[], write: (bytes: Buffer) => void): void {
  const runs: Run[] = [];
  for (const train of trains) {
    const last = runs.at(-1);
    const fresh = runOf(train);
    if (last && joins(last, fresh, train.packet)) join(last, fresh);
    else runs.push(fresh);
  }
  for (const run of runs) write(written(run));
}

function runOf({ packet, segment }: Train): Run {
  const parts = tcpPartsOf(packet, familyOf(packet));
  const alone = { packets: [packet], bytes: packet.length, size: segment, next: 0, closed: true };
  if (parts === undefined) return { ...alone, parts: undefined };
  if (segment > 0) return { ...alone, parts };
  const { tcp, payload } = parts;
  const size = packet.length - payload;
  const flags = packet[tcp + TCP_FLAGS] ?? 0;
  if (size === 0 || (flags & ~PSH) !== ACK || !hasTcpChecksum(packet, parts))
    return { ...alone, parts: undefined };
  const next = (packet.readUInt32BE(tcp + TCP_SEQUENCE) + size) >>> 0;
  return { ...alone, parts, size, next, closed: (flags & PSH) !== 0 };
}

function joins(run: Run, fresh: Run, packet: Buffer): boolean {
  const { parts, closed, packets, next, size, bytes } = run;
  const [first] = packets;
  if (closed || parts === undefined || fresh.parts === undefined || first === undefined) return false;
  if (fresh.parts.payload !== parts.payload || fresh.parts.family !== parts.family) return false;
  return (
    fresh.size <= size &&
    bytes + fresh.size <= MOST_BYTES &&
    packet.readUInt32BE(parts.tcp + TCP_SEQUENCE) === next &&
    sameHead(first, packet, parts, packets.length)
  );
}

/** Whether two headers differ only in what the kernel makes anew for each packet when it cuts the train. */
function sameHead(first: Buffer, packet: Buffer, { family, tcp, payload }: TcpParts, count: number): boolean {
  if (family === 4) {
    const id = (first.readUInt16BE(IPV4_ID) + count) & 0xffff;
    if (packet.readUInt16BE(IPV4_ID) !== id) return false;
    if (!same(first, packet, 0, IPV4_LENGTH) || !same(first, packet, IPV4_ID + 2, IPV4_CHECKSUM))
      return false;
    if (!same(first, packet, IPV4_CHECKSUM + 2, tcp + TCP_SEQUENCE)) return false;
  } else {
    if (!same(first, packet, 0, IPV6_LENGTH)) return false;
    if (!same(first, packet, IPV6_LENGTH + 2, tcp + TCP_SEQUENCE)) return false;
  }
  // From the acknowledgement to the flags, and from the window to the checksum; then the options.
  return (
    same(first, packet, tcp + TCP_SEQUENCE + 4, tcp + TCP_FLAGS) &&
    same(first, packet, tcp + TCP_FLAGS + 1, tcp + TCP_CHECKSUM) &&
    same(first, packet, tcp + TCP_CHECKSUM + 2, payload)
  );
}

function same(one: Buffer, other: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (one[at] !== other[at]) return false;
  }
  return true;
}

function join(run: Run, fresh: Run): void {
  run.packets.push(...fresh.packets);
  run.bytes += fresh.size;
  run.next = fresh.next;
  run.closed = fresh.closed || fresh.size < run.size;
}

function written({ packets, parts, bytes, size }: Run): Buffer {
  const out = output.subarray(0, VIRTIO_BYTES + bytes);
  out.fill(0, 0, VIRTIO_BYTES);
  const packet = out.subarray(VIRTIO_BYTES);
  let at = 0;
  for (const part of packets) at += part.copy(packet, at, at === 0 ? 0 : (parts?.payload ?? 0));
  if (parts !== undefined && bytes > parts.payload + size) finishTrain(out, packet, parts, size, packets);
  return out;
}

/** Makes the header of the first packet one for the whole train. The checksum is left to the kernel but for the pseudo-header. */
function finishTrain(
  out: Buffer,
  packet: Buffer,
  { family, tcp, payload }: TcpParts,
  size: number,
  packets: readonly Buffer[],
): void {
  const lastFlags = packets.at(-1)?.[tcp + TCP_FLAGS] ?? 0;
  packet[tcp + TCP_FLAGS] = (packet[tcp + TCP_FLAGS] ?? 0) | lastFlags;
  finishIpHeader(packet, family);
  packet.writeUInt16BE(fold(pseudoHeaderSum(packet, family, packet.length - tcp)), tcp + TCP_CHECKSUM);
  const hasEcn = ((packet[tcp + TCP_FLAGS] ?? 0) & CWR) !== 0;
  const gsoType = (family === 4 ? GSO_TCP4 : GSO_TCP6) | (hasEcn ? GSO_ECN : 0);
  writeVirtio(out, { gsoType, gsoSize: size, checksumStart: tcp, checksumOffset: TCP_CHECKSUM }, payload);
}
