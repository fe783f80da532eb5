import { describe, expect, it } from 'vitest';
import { describeNeeds, obstacle } from '../../scripts/host/needs.ts';

const fresh = {
  plan: { missing: ['genimage', 'qemu-system-arm'], download: 41_200_000, disk: 199_000_001 },
  built: false,
  free: 50_000_000_000,
};

describe('what is said before anything is installed', () => {
  it('names packages, disk and minutes', () => {
    const text = describeNeeds(fresh);
    expect(text).toContain('genimage, qemu-system-arm (42 MB to download, 200 MB on disk)');
    expect(text).toMatch(/disk +\d+ MB in out\/, 50 GB free/);
    expect(text).toMatch(/time +about \d+ minutes/);
  });

  it('does not guess sizes that the package lists do not tell', () => {
    const plan = { missing: ['genimage'], download: undefined, disk: undefined };
    expect(describeNeeds({ ...fresh, plan })).toContain('genimage (size unknown before apt-get update)');
  });

  it('says that nothing has to be installed', () => {
    const plan = { missing: [], download: 0, disk: 0 };
    expect(describeNeeds({ ...fresh, plan })).toContain('Debian packages  all there');
  });
});

describe('a disk that is too full', () => {
  it('is an obstacle, with what has to be freed', () => {
    expect(obstacle({ ...fresh, free: 199_000_001 })).toBe(
      'the disk is too full: free 2000 MB more, then try again',
    );
  });

  it('is none when the image is there already', () => {
    expect(obstacle({ ...fresh, built: true, free: 199_000_001 })).toBeUndefined();
  });
});
