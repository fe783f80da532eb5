const block = 512;

/**
 * One regular file of a tar archive (POSIX.1-1988 ustar), owned by nobody and readable by its owner.
 * @param name of ASCII, 100 bytes at most @param time milliseconds since 1970 @throws {RangeError} it is longer
 */
export function tarMember(name: string, content: Buffer, time: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`too long for a name in a tar archive: ${name}`);
  const header = Buffer.alloc(block);
  header.write(name, 0);
  header.write('0000600\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(Math.max(0, Math.floor(time / 1000)), 12), 136);
  // The checksum is taken with blanks in its own place.
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)} `, 148);
  const padding = Buffer.alloc((block - (content.length % block)) % block);
  return Buffer.concat([header, content, padding]);
}

/** What ends an archive. */
export const tarEnd = Buffer.alloc(2 * block);

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}
