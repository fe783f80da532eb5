import { createHash, randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { line } from '../../scripts/lib/lab-mesh/plans.ts';
import { MeshApp, type MeshAppOptions } from '../../services/mesh/app.ts';
import type { MeshStream } from '../../services/mesh/types.ts';
import { sharedMesh } from './testing.ts';

const meshOf = sharedMesh(() => Mesh.start(line(3)));
const megabyte = 1_000_000;

/** An app in this process, at a node of the mesh. */
async function startApp(
  mesh: Mesh,
  at: string,
  name: string,
  onStream?: MeshAppOptions['onStream'],
): Promise<MeshApp> {
  const app = await MeshApp.start({ node: mesh.node(at).socket, name, type: 'test', onStream });
  onTestFinished(() => app.close());
  return app;
}

/** Reads a stream to its end and answers with the SHA-256 of what came. */
async function digest(stream: MeshStream): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) hash.update(chunk);
  stream.end(hash.digest('hex'));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

it('carries 1,000 streams at once', async (context) => {
  const mesh = meshOf(context);
  const all = Promise.withResolvers<void>();
  let open = 0;
  await startApp(mesh, 'c', 'digest', async (stream) => {
    if (++open === 1_000) all.resolve();
    await digest(stream);
  });
  const app = await startApp(mesh, 'a', 'many');
  const { key } = mesh.node('c');
  const streams = await Promise.all(
    Array.from({ length: 1_000 }, () => app.connect({ node: key, app: 'digest' })),
  );
  await all.promise;
  const answers = streams.map(async (stream) => {
    const bytes = randomBytes(20_000);
    stream.end(bytes);
    return (await text(stream)) === sha256(bytes);
  });
  const right = (await Promise.all(answers)).filter((answer) => answer);
  expect(right.length).toBe(1_000);
});

it('lets a slow reader slow only itself', async (context) => {
  const mesh = meshOf(context);
  const go = Promise.withResolvers<void>();
  await startApp(mesh, 'c', 'slow', async (stream) => {
    await go.promise;
    await digest(stream);
  });
  await startApp(mesh, 'c', 'quick', digest);
  const app = await startApp(mesh, 'a', 'both');
  const { key } = mesh.node('c');
  const slow = await app.connect({ node: key, app: 'slow' });
  // More than all the buffers on the way take together.
  const bytes = randomBytes(64 * megabyte);
  let finished = false;
  slow.end(bytes, () => {
    finished = true;
  });
  for (let round = 0; round < 3; round++) {
    const quick = await app.connect({ node: key, app: 'quick' });
    const other = randomBytes(8 * megabyte);
    quick.end(other);
    expect(await text(quick)).toBe(sha256(other));
  }
  expect(finished).toBe(false);
  go.resolve();
  expect(await text(slow)).toBe(sha256(bytes));
});
