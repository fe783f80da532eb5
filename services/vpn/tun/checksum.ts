/**
 * The sum of RFC 1071 over `buffer[from..to)`, not yet folded, with the bytes of each pair swapped: the sum of words read the
 * other way round is the sum the other way round (section 2.B), and this is how the processors that we run on read them.
 */
export function swappedSum(buffer: Buffer, from: number, to: number): number {
  const view = new DataView(buffer.buffer, buffer.byteOffset + from, to - from);
  const { byteLength } = view;
  let sum = 0;
  let at = 0;
  // Four words of 32 bits a turn: this loop sees every byte that goes through a tunnel.
  for (; at + 16 <= byteLength; at += 16) {
    const first = view.getInt32(at, true);
    const second = view.getInt32(at + 4, true);
    const third = view.getInt32(at + 8, true);
    const fourth = view.getInt32(at + 12, true);
    sum += (first >>> 16) + (second >>> 16) + (third >>> 16) + (fourth >>> 16);
    sum += (first & 0xffff) + (second & 0xffff) + (third & 0xffff) + (fourth & 0xffff);
  }
  for (; at + 2 <= byteLength; at += 2) sum += view.getUint16(at, true);
  return at < byteLength ? sum + view.getUint8(at) : sum;
}

/** Folds sums of {@link swappedSum} into 16 bits, in the order of the network. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return ((folded & 0xff) << 8) | (folded >> 8);
}

/** A number of 16 bits as {@link swappedSum} counts it. */
export function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}
