import { describe, expect, it } from 'vitest';
import { formatTarget, parseTarget } from '../../../services/mesh/index.ts';

const key = 'ab'.repeat(32);

describe('a target', () => {
  it.each([
    ['echo', { app: 'echo' }],
    [`${key}/echo`, { node: key, app: 'echo' }],
  ])('%s is read and written', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
    expect(formatTarget(parseTarget(text))).toBe(text);
  });

  it.each(['', '/', 'a b', 'abcd/echo', `${key}/`, `/${key}`, `${key}/a/b`, `${key}/${'x'.repeat(65)}`])(
    '%j is refused with the right form',
    (text) => {
      expect(() => parseTarget(text)).toThrow(/is no app of the mesh: .*; give KEY\/APP or NAME$/);
    },
  );
});
