import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { showMoments } from '../../../scripts/lib/live.ts';

async function* moments(): AsyncGenerator<number> {
  yield* [1, 1, 2, 2, 1];
}

const views = {
  screen: (moment: number) => [`screen ${moment}`],
  line: (moment: number) => `line ${moment}`,
};

it('says without a terminal what has changed, a line each', async () => {
  let said = '';
  const output = new Writable({
    write: (chunk, _encoding, done) => {
      said += chunk;
      done();
    },
  });
  await showMoments(moments(), { live: undefined, output }, views);
  expect(said).toBe('line 1\nline 2\nline 1\n');
});
