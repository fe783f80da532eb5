import { join } from 'node:path';
import { expect, it } from 'vitest';
import { followMesh } from '../../../scripts/mesh-view/follow.ts';
import { scratchFolder } from '../../services/signal/support.ts';

it('says why nothing is known of the mesh, again and again, until it is not wanted any more', async () => {
  const end = new AbortController();
  const socket = join(await scratchFolder(), 'node.sock');
  const problems: unknown[] = [];
  for await (const { picture, rates, problem } of followMesh(socket, end.signal)) {
    expect(picture).toEqual({ links: [], circuits: [] });
    expect(rates.size).toBe(0);
    problems.push(problem);
    if (problems.length === 2) end.abort();
  }
  expect(problems).toEqual([
    expect.stringContaining('no node answers'),
    expect.stringContaining('no node answers'),
  ]);
});
