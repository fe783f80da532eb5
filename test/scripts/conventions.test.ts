import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const listing = execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], { cwd: root });
const files = listing
  .toString()
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)));

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** `file:line: text` of every line that matches, in files whose names match. */
function linesWith(pattern: RegExp, names: RegExp): string[] {
  return files
    .filter((file) => names.test(file) && file !== 'test/scripts/conventions.test.ts')
    .flatMap((file) =>
      textOf(file)
        .split('\n')
        .map((line, index) => ({ line, place: `${file}:${index + 1}: ${line.trim()}` }))
        .filter(({ line }) => pattern.test(line))
        .map(({ place }) => place),
    );
}

describe('the sources', () => {
  it('have no way around the types', () => {
    expect(
      linesWith(/^[^*]*(: any\b|\bas any\b|<any>|@ts-(ignore|nocheck|expect-error))/, /\.[cm]?ts$/),
    ).toEqual([]);
  });

  it('leave no test out for everybody', () => {
    expect(linesWith(/\b(it|test|describe)\.(only|skip|todo)\(/, /\.test\.ts$/)).toEqual([]);
  });

  it('name no registry, so that everybody uses the one of their machine', () => {
    expect(linesWith(/"resolved": "http|registry\.npmjs\.org|registry\.yarnpkg\.com/, /./)).toEqual([]);
  });

  it('hold no private key', () => {
    expect(linesWith(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, /./)).toEqual([]);
  });
});

describe('the documents', () => {
  const documents = files.filter((file) => file.endsWith('.md'));

  it.each(documents)('%s names no test that is not there', (document) => {
    const named = Array.from(textOf(document).matchAll(/`(test\/[\w./-]*\w)`/g), ([, path = '']) => path);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it.each(documents)('%s has links that lead somewhere', (document) => {
    const broken = linksOf(document).filter((link) => !leadsSomewhere(document, link));
    expect(broken).toEqual([]);
  });
});

/** Targets of links and pictures that are in this repository, code left out. */
function linksOf(document: string): string[] {
  const prose = textOf(document)
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');
  const targets = Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#', 2);
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return false;
  return anchor === undefined || headingsOf(target).includes(anchor);
}

/** Anchors of a document's headings, formed as GitHub does. */
function headingsOf(document: string): string[] {
  return Array.from(textOf(document).matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
