import fc from 'fast-check';
import { describe, it } from 'vitest';
import { formatBoardFile, readBoardFile } from '../../../image/board-settings/text.ts';
import { InvalidFile } from '../../../services/yaml/index.ts';
import { bytes, fuzzRuns, mutated } from '../../fuzz.ts';
import { madeUp } from './made-up.ts';

const { settings } = await madeUp();
const whole = Buffer.from(formatBoardFile(settings));
const edited = whole.subarray(0, whole.lastIndexOf('# sha256'));

describe('whatever lies on the card as the board file', () => {
  it('is read, or refused with nothing but what says why', () => {
    const input = fc.oneof(bytes(400), mutated(fc.constantFrom(whole, edited)));
    fc.assert(
      fc.property(input, (content) => {
        try {
          const read = readBoardFile(content);
          if (read !== undefined) formatBoardFile(read);
        } catch (error) {
          if (!(error instanceof InvalidFile)) throw error;
        }
      }),
      fuzzRuns('board-file', 1_000),
    );
  });
});
