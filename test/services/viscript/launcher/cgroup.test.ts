import { describe, expect, it } from 'vitest';
import { parseLimits } from '../../../../services/viscript/launcher/cgroup.ts';

describe('the limits of a control group', () => {
  it('are those that the kernel’s files give', () => {
    expect(parseLimits({ memoryMax: '50331648\n', pidsMax: '20\n', cpuMax: '50000 100000\n' })).toEqual({
      memory: 50_331_648,
      pids: 20,
      cpus: 0.5,
    });
  });

  it('are none where the kernel says max or has no file', () => {
    expect(parseLimits({ memoryMax: 'max\n', pidsMax: 'max\n', cpuMax: 'max 100000\n' })).toEqual({});
    expect(parseLimits({ memoryMax: '', pidsMax: '', cpuMax: '' })).toEqual({});
  });
});
