import { describe, expect, it } from 'vitest';
import {
  downloadSize,
  installedSize,
  missingFrom,
  namesToInstall,
  packagesFor,
  planInstall,
} from '../../scripts/host/packages.ts';

describe('the list of Debian packages', () => {
  it('names each package once, whatever needs it', () => {
    const all = packagesFor(['image', 'qemu', 'tests', 'bench']);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining(['genimage', 'qemu-system-arm', 'shellcheck', 'supervisor']));
  });

  it('needs neither QEMU nor image tools for the quick tests', () => {
    expect(packagesFor(['tests'])).not.toContain('qemu-system-arm');
    expect(packagesFor(['tests'])).not.toContain('genimage');
  });
});

describe('what is missing', () => {
  it('is what was asked for and is not installed', () => {
    expect(missingFrom(['git', 'genimage', 'zstd'], new Set(['git', 'bash']))).toEqual(['genimage', 'zstd']);
  });

  it('is nothing where the tests already run', async () => {
    expect(await planInstall(['tests'])).toEqual({ missing: [], download: 0, disk: 0 });
  });
});

describe('what an installation costs', () => {
  it('is read from the addresses that apt-get prints', () => {
    const uris = [
      'Reading package lists...',
      '1 newly installed, 0 to remove.',
      "'http://mirror.example/pool/g/genimage_16-2_amd64.deb' genimage_16-2_amd64.deb 45678 SHA256:00ff",
      "'http://mirror.example/pool/c/libc%2b%2b_1_all.deb' libc++_1%3a1_all.deb 322 MD5Sum:ab",
    ].join('\n');
    expect(downloadSize(uris)).toBe(46_000);
  });

  it('counts dependencies and replaced versions', () => {
    const simulated = [
      'NOTE: This is only a simulation!',
      'Inst libconfuse2 (3.3-3 Debian:12/stable [amd64])',
      'Inst genimage [15-1] (16-2 Debian:12/stable [amd64])',
      'Conf libconfuse2 (3.3-3 Debian:12/stable [amd64])',
    ].join('\n');
    expect(namesToInstall(simulated)).toEqual(['libconfuse2', 'genimage']);
  });

  it('turns installed sizes from KiB to bytes', () => {
    expect(
      installedSize('Package: a\nInstalled-Size: 100\n\nPackage: b\nInstalled-Size: 28\nSize: 7\n'),
    ).toBe(131_072);
  });
});
