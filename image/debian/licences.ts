import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hashFiles } from '../cache.ts';
import { isMissing } from '../files.ts';
import type { Component } from '../materials/component.ts';
import type { RootRequest } from '../source.ts';
import { extractPackages } from './extract.ts';
import type { ChosenPackages } from './packages.ts';

/** By far the largest package: to unpack it for its copyright file alone would take longer than all others together. */
const KERNEL = { name: /^linux-image-/, licences: ['GPL-2'] };

const licencesSchema = z.record(z.string(), z.array(z.string()));

/** All Debian packages of an image, and what was compiled for it, with their licences. */
export async function debianComponents(
  { cache, steps }: RootRequest,
  { manifest, debOf }: ChosenPackages,
): Promise<Component[]> {
  const { packages, sources, suite } = manifest;
  const licences = await steps.step('Read the licences', 'See the log.', async (step) => {
    const code = await hashFiles(
      ['licences.ts', 'extract.ts'].map((name) => join(import.meta.dirname, name)),
    );
    const read = packages.filter(({ name }) => !KERNEL.name.test(name));
    const inputs = [read.map(({ sha256 }) => sha256), code];
    const made = await cache.folder('licences', inputs, async (folder) => {
      await extractPackages(read.map(debOf), folder, { only: ['./usr/share/doc/*'] });
      const found = await Promise.all(read.map(({ name }) => licencesIn(folder, name)));
      await rm(join(folder, 'usr'), { recursive: true });
      const named = read.map(({ name }, index) => [name, found[index]]);
      await writeFile(join(folder, 'licences.json'), JSON.stringify(Object.fromEntries(named)));
    });
    if (made.hit) step.cached('licences');
    return licencesSchema.parse(JSON.parse(await readFile(join(made.path, 'licences.json'), 'utf8')));
  });
  const distribution = `distro=${suite}`;
  return [
    ...packages.map(
      ({ name, version, architecture, sha256 }): Component => ({
        ...{ type: 'library', name, version, licences: licences[name] ?? kernelLicences(name) },
        purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&${distribution}`,
        hash: { algorithm: 'SHA-256', content: sha256 },
      }),
    ),
    ...sources.map(
      ({ name, version }): Component => ({
        ...{ type: 'firmware', name, version, licences: ['GPL-2+'] },
        purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=source&${distribution}`,
      }),
    ),
  ];
}

function kernelLicences(name: string): string[] {
  return KERNEL.name.test(name) ? KERNEL.licences : [];
}

async function licencesIn(folder: string, name: string): Promise<string[]> {
  try {
    return licencesOf(await readFile(join(folder, 'usr/share/doc', name, 'copyright'), 'utf8'));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * The names of licences in a package's copyright file: those of its fields `License`, where it has the form of
 * https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/, or else those whose texts it refers to.
 */
export function licencesOf(copyright: string): string[] {
  const fields = Array.from(copyright.matchAll(/^License:[ \t]*(\S.*?)[ \t]*$/gm), ([, name = '']) => name);
  const texts = Array.from(
    copyright.matchAll(/\/usr\/share\/common-licenses\/([A-Za-z0-9.-]*[A-Za-z0-9])/g),
    ([, name = '']) => name,
  );
  return [...new Set(fields.length > 0 ? fields : texts)].sort();
}
