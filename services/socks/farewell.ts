import type { Duplex } from 'node:stream';

/** Longest time for the other end to close too, in milliseconds; RFC 1928, section 6, allows ten seconds. */
const lingerMs = 5_000;

/** Says the last of a stream, hears no more, and lets both ends close. */
export function farewell(stream: Duplex, words: Buffer = Buffer.alloc(0)): void {
  if (stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), lingerMs);
  stream.once('close', () => clearTimeout(timer));
  stream.end(words);
  stream.resume();
}
