import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { maxLineBytes } from '../../../services/mesh/first-line.ts';
import { readLine } from '../../../services/mesh/line.ts';
import { MeshError } from '../../../services/mesh/types.ts';
import { bytes, fuzzRuns } from '../../fuzz.ts';

/** What has come from the other end, which says no more. */
function received(chunks: readonly Buffer[]): Duplex {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  for (const chunk of chunks) stream.push(chunk);
  stream.push(null);
  return stream;
}

async function readAll(stream: Duplex): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

it('reads one line, in whatever pieces it comes, and leaves the rest', async () => {
  const chunks = ['{"a"', ':1}', '\nre', 'st'].map((text) => Buffer.from(text));
  const stream = received(chunks);
  expect(await readLine(stream, { timeoutMs: 60_000 })).toEqual({ text: '{"a":1}\n', bytes: 8 });
  expect((await readAll(stream)).toString()).toBe('rest');
});

it('refuses a line that has no end', async () => {
  const stream = received([Buffer.alloc(maxLineBytes, 'x'), Buffer.from('x\n')]);
  await expect(readLine(stream, { timeoutMs: 60_000 })).rejects.toThrow('more than 4096 bytes');
});

it('takes of any bytes the first line, and loses none of the others', async () => {
  const piece = fc.oneof(bytes(20), fc.constant(Buffer.from('\n')), fc.constant(Buffer.alloc(3_000, 'x')));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 5 }), async (chunks) => {
      const all = Buffer.concat(chunks);
      const stream = received(chunks.filter(({ length }) => length > 0));
      const line = await readLine(stream, { timeoutMs: 60_000 }).catch((error: unknown) => error);
      if (line instanceof MeshError) return;
      const end = all.indexOf('\n') + 1;
      expect(line).toEqual({ text: new TextDecoder().decode(all.subarray(0, end)), bytes: end });
      expect((await readAll(stream)).equals(all.subarray(end))).toBe(true);
    }),
    fuzzRuns('mesh-line', 20_000),
  );
});
