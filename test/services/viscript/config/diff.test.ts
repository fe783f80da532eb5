import { describe, expect, it } from 'vitest';
import { diffConfigs, parseConfig } from '../../../../services/viscript/config/index.ts';

const config = (text: string) => parseConfig(text, 'f');

describe('diffConfigs', () => {
  it('tells apart what came, what went and what says something else', () => {
    const before = config(
      'apps: {stays: {path: x}, goes: {path: x}, changes: {path: x, limits: {memory: 1M}}}',
    );
    const after = config(
      'apps: {changes: {path: x, limits: {memory: 2M}}, stays: {path: x}, comes: {path: x}}',
    );
    expect(diffConfigs(before, after)).toEqual({ added: ['comes'], removed: ['goes'], changed: ['changes'] });
  });

  it('sees no change in other words for the same entry', () => {
    const before = config(
      'apps: {a: {path: x, args: [1], stop_grace_period: 60s, environment: {A: 1, B: 2}}}',
    );
    const after = config(
      'apps:\n  a:\n    environment: {B: "2", A: "1"}\n    default_args: "1"\n    stop_grace_period: 1m\n    path: "x"\n',
    );
    expect(diffConfigs(before, after)).toEqual({ added: [], removed: [], changed: [] });
  });
});
