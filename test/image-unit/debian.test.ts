import { describe, expect, it } from 'vitest';
import { parseUris } from '../../image/debian/apt.ts';
import { parseOwner } from '../../image/debian/extract.ts';
import { formatManifest, parseManifest } from '../../image/debian/manifest.ts';
import { chooseMirror, findMirror } from '../../image/debian/mirror.ts';
import { parseSourceUris } from '../../image/debian/source-packages.ts';
import { ImageError } from '../../image/error.ts';

const HASH = 'ab'.repeat(32);

describe('the Debian mirror', () => {
  it("is that of the machine's own release, with its security archive", () => {
    const targets = [
      'http://mirror.example/debian-security/\tbookworm-security\tmain\tDebian',
      'http://mirror.example/debian/\tbookworm\tmain\tDebian',
      'http://mirror.example/debian/\tbookworm-updates\tmain\tDebian',
      'http://mirror.example/debian/\tbookworm\tcontrib\tDebian',
    ];
    expect(chooseMirror(targets.join('\n'))).toEqual({
      main: 'http://mirror.example/debian',
      security: 'http://mirror.example/debian-security',
    });
  });

  it('is not the archive of somebody else', () => {
    const targets = [
      'https://packages.example/node\tnodistro\tmain\tNode',
      'https://packages.example/tools\tbookworm\tmain\tTools',
      'http://mirror.example/debian/\tstable\tmain\tDebian',
    ];
    expect(chooseMirror(targets.join('\n'))).toEqual({
      main: 'http://mirror.example/debian',
      security: undefined,
    });
  });

  it('is found before package lists were ever fetched', () => {
    expect(chooseMirror('http://mirror.example/debian/\ttrixie\tmain\t$(ORIGIN)\n')).toMatchObject({
      main: 'http://mirror.example/debian',
    });
  });

  it('is nothing when the machine has none', () => {
    expect(chooseMirror('https://packages.example/node\tnodistro\tmain\tNode\n')).toBeUndefined();
  });

  it('can be named, and a name that is no address is refused', async () => {
    const named = { SKYMINER_DEBIAN_MIRROR: 'http://mirror.example/debian/' };
    expect(await findMirror(named)).toEqual({
      main: 'http://mirror.example/debian',
      security: 'http://mirror.example/debian-security',
    });
    await expect(findMirror({ SKYMINER_DEBIAN_MIRROR: 'mirror' })).rejects.toThrow(/SKYMINER_DEBIAN_MIRROR/);
  });
});

describe('a source package', () => {
  it('is its archives, with the version of its description', () => {
    const line = (name: string) => `'http://mirror.example/pool/u/${name}' ${name} 12 SHA256:${HASH}\n`;
    const names = ['b_1%2-3.dsc', 'b_1.orig.tar.bz2', 'b_1.orig.tar.bz2.asc', 'b_1-3.debian.tar.xz'];
    const { version, files } = parseSourceUris(`NOTICE: somewhere\n${names.map(line).join('')}`);
    expect(version).toBe('1%2-3');
    expect(files.map(({ name }) => name)).toEqual(['b_1.orig.tar.bz2', 'b_1-3.debian.tar.xz']);
    expect(files[0]).toMatchObject({ sha256: HASH, size: 12 });
  });

  it('is missed where the mirror names none', () => {
    expect(() => parseSourceUris('Reading package lists...\n')).toThrow(/no source package/);
  });
});

describe('a manifest', () => {
  const manifest = {
    suite: 'trixie',
    date: 1_763_690_000,
    packages: [{ name: 'mawk', version: '1:1.3.4~b+2-1', architecture: 'arm64', sha256: HASH, size: 5 }],
    sources: [],
  };

  it('reads back as it was written', () => {
    expect(parseManifest(formatManifest(manifest), 'file')).toEqual(manifest);
  });

  it('names what was compiled, where something was', () => {
    const files = [{ name: 'u-boot_2025.01.orig.tar.bz2', sha256: HASH, size: 7 }];
    const compiled = { ...manifest, sources: [{ name: 'u-boot', version: '2025.01-3+deb13u1', files }] };
    expect(parseManifest(formatManifest(compiled), 'file')).toEqual(compiled);
    expect(formatManifest(manifest)).not.toContain('sources');
  });

  it('is refused by the name of its file when it is something else', () => {
    for (const text of ['', '{}', 'not JSON', formatManifest({ ...manifest, packages: [] })]) {
      expect(() => parseManifest(text, '/some/file.json')).toThrow(ImageError);
      expect(() => parseManifest(text, '/some/file.json')).toThrow('/some/file.json');
    }
  });

  it('holds no name that could be an option or a path for apt', () => {
    for (const name of ['-o', '../x', 'a/b', 'A']) {
      const [entry] = manifest.packages;
      if (entry === undefined) throw new Error('there is one');
      const text = formatManifest({ ...manifest, packages: [{ ...entry, name }] });
      expect(() => parseManifest(text, 'file')).toThrow(ImageError);
    }
  });
});

describe('what apt prints', () => {
  it('gives names, versions with their epochs, sizes and hashes', () => {
    const output = [
      'Reading package lists...',
      `'http://m/pool/p/passwd_4.17_arm64.deb' passwd_1%3a4.17.4-2_arm64.deb 1205920 SHA256:${HASH}`,
      `'http://m/pool/c/ca_1_all.deb' ca-certificates_20250419+deb13u1_all.deb 160720 SHA256:${HASH}`,
      '',
    ].join('\n');
    expect(parseUris(output)).toEqual([
      { name: 'passwd', version: '1:4.17.4-2', architecture: 'arm64', sha256: HASH, size: 1205920 },
      {
        name: 'ca-certificates',
        version: '20250419+deb13u1',
        architecture: 'all',
        sha256: HASH,
        size: 160720,
      },
    ]);
  });
});

describe('what tar prints', () => {
  it('gives the owners that are not root', () => {
    expect(parseOwner('-rwxr-sr-x 0/42           80264 2025-01-01 10:00 ./usr/bin/chage')).toEqual({
      path: 'usr/bin/chage',
      uid: 0,
      gid: 42,
    });
    expect(parseOwner('drwxrwsr-x 0/8               0 2025-01-01 10:00 ./var/mail/')).toEqual({
      path: 'var/mail',
      uid: 0,
      gid: 8,
    });
    expect(parseOwner('-rw-r--r-- 0/0             100 2025-01-01 10:00 ./etc/hosts')).toBeUndefined();
  });
});
