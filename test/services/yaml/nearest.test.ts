import { describe, expect, it } from 'vitest';
import { nearest } from '../../../services/yaml/nearest.ts';

describe('nearest', () => {
  const words = ['path', 'default_args', 'daemon', 'desc', 'depends_on'];

  it.each([
    ['pth', 'path'],
    ['paht', 'path'],
    ['Path', 'path'],
    ['daemn', 'daemon'],
    ['dependson', 'depends_on'],
    ['default-args', 'default_args'],
  ])('takes %s for a slip of %s', (word, meant) => {
    expect(nearest(word, words)).toBe(meant);
  });

  it.each(['x', 'command', 'volumes', '', 'p'.repeat(10_000)])('finds nothing close to %.20s', (word) => {
    expect(nearest(word, words)).toBeUndefined();
  });
});
