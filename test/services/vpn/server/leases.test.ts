import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePublicKey } from '../../../../services/net/keys.ts';
import { leaseFile, readLeases, writeLeases } from '../../../../services/vpn/server/lease-file.ts';
import { Leases } from '../../../../services/vpn/server/leases.ts';
import { scratchFolder } from '../../signal/support.ts';

const key = (number: number) => parsePublicKey(number.toString(16).padStart(64, '0'));
const nobody = () => false;

describe('leases', () => {
  it('give each node its place, the same one again', () => {
    const leases = new Leases(255);
    expect([key(7), key(8), key(7), key(9)].map((node) => leases.take(node, nobody))).toEqual([2, 3, 2, 4]);
    const later = new Leases(255, leases.stored);
    expect([key(9), key(10), key(8), key(7)].map((node) => later.take(node, nobody))).toEqual([4, 5, 3, 2]);
  });

  it('give a place away only when there is no other, and the longest unused first', () => {
    const leases = new Leases(5);
    for (const node of [1, 2, 3, 1]) leases.take(key(node), nobody);
    expect(leases.take(key(4), (place) => place === 3)).toBe(4);
    expect(leases.take(key(5), () => true)).toBeUndefined();
    expect(leases.take(key(1), () => true)).toBe(2);
  });

  it('believe no stored place that is not in the pool, or is somebody else’s', () => {
    const stored = [
      { node: key(1), place: 1 },
      { node: key(2), place: 300 },
      { node: key(3), place: 2 },
      { node: key(4), place: 2 },
      { node: key(3), place: 3 },
    ];
    expect(new Leases(255, stored).stored).toEqual([{ node: key(3), place: 2 }]);
  });
});

describe('the file of clients', () => {
  it('keeps them, from other users too', async () => {
    const file = leaseFile('vpnsrv0', { STATE_DIRECTORY: join(await scratchFolder(), 'new') });
    expect(await readLeases(file)).toEqual([]);
    await writeLeases(file, [{ node: key(1), place: 2 }]);
    expect(await readLeases(file)).toEqual([{ node: key(1), place: 2 }]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{"version":2,"leases":[]}', '{"version":1,"leases":[{"node":"x","place":2}]}'])(
    'is called damaged when it says %j, and left as it is',
    async (content) => {
      const file = join(await scratchFolder(), 'clients.json');
      await writeFile(file, content);
      await expect(readLeases(file)).rejects.toThrow('is damaged: remove it');
      expect(await readFile(file, 'utf8')).toBe(content);
    },
  );
});
