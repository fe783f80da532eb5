import { createHash } from 'node:crypto';
import type { Component } from './component.ts';

export interface BomOptions {
  /** What the components make up: `skyminer-orangepi-prime`. */
  name: string;
  version: string;
  /** Seconds since 1970. */
  date: number;
  components: readonly Component[];
}

/**
 * A bill of materials in the form of CycloneDX 1.6, JSON: https://cyclonedx.org/docs/1.6/json/. Equal components give equal
 * bytes.
 */
export function formatBom({ name, version, date, components }: BomOptions): string {
  const root = `${name}@${version}`;
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([root, components]))}`,
    version: 1,
    metadata: {
      timestamp: new Date(date * 1000).toISOString(),
      component: { type: 'operating-system', 'bom-ref': root, name, version },
    },
    components: components.map(({ type, name, version, purl, licences, hash }) => ({
      ...{ type, 'bom-ref': purl, name, version, purl },
      ...(hash === undefined ? {} : { hashes: [{ alg: hash.algorithm, content: hash.content }] }),
      ...(licences.length === 0 ? {} : { licenses: licences.map((name) => ({ license: { name } })) }),
    })),
    dependencies: [{ ref: root, dependsOn: components.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(bom, null, 1)}\n`;
}

/** The licence manifest: for people, and for programs that know no CycloneDX. */
export function formatLicences(components: readonly Component[]): string {
  return components
    .map(({ name, version, licences }) => `${name}\t${version}\t${licences.join(', ') || 'not named'}\n`)
    .join('');
}

/** A UUID of version 8, made of a hash: RFC 9562, 5.8. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
