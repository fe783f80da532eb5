import { appendFileSync } from 'node:fs';
import { say } from './say.ts';

const PIECE = 8 * 1024 * 1024;

/** Takes memory of every kind, until there is no more: files that live in memory, shared memory, and its own. */
export function gorge(): void {
  const kept: Buffer[] = [];
  for (;;) {
    const piece = Buffer.alloc(PIECE, 1);
    kept.push(piece);
    appendFileSync('/dev/shm/hoard', piece.subarray(0, PIECE / 2));
    appendFileSync('/tmp/hoard', piece.subarray(0, PIECE / 2));
    say(`taken ${kept.length * 2 * PIECE}`);
  }
}
