import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { walk } from '../cache.ts';
import { ImageError } from '../error.ts';
import { run } from '../run.ts';

/**
 * Finds modules and all that they need, each after what it needs itself, as paths below the folder. Those that are
 * built into the kernel are left out.
 *
 * The modules tell by themselves what they need, so that depmod need not unpack the thousands that are not wanted.
 *
 * @param folder `modules/VERSION` of a whole kernel package
 * @throws ImageError naming modules that the kernel does not have
 */
export async function findModules(folder: string, names: readonly string[]): Promise<string[]> {
  const files = new Map<string, string>();
  for (const { name, kind } of await walk(folder)) {
    const match = /^(.+)\.ko(?:\.xz)?$/.exec(basename(name));
    if (kind === 'file' && match?.[1] !== undefined) files.set(plain(match[1]), name);
  }
  const builtIn = new Set(
    (await readFile(join(folder, 'modules.builtin'), 'utf8'))
      .split('\n')
      .map((line) => plain(basename(line, '.ko'))),
  );
  const missing = names.filter((name) => !files.has(plain(name)) && !builtIn.has(plain(name)));
  if (missing.length > 0) {
    throw new ImageError(
      `The kernel has no such modules: ${missing.join(', ')}. See modules.txt and board.yaml.`,
    );
  }

  const needs = new Map<string, string[]>();
  for (let wave = names.map(plain); wave.length > 0; ) {
    const unknown = [...new Set(wave)].filter((name) => files.has(name) && !needs.has(name));
    for (const [name, needed] of await dependenciesOf(folder, files, unknown)) needs.set(name, needed);
    wave = unknown.flatMap((name) => needs.get(name) ?? []);
  }
  return inOrder(names.map(plain), needs).flatMap((name) => files.get(name) ?? []);
}

/** A module is named with dashes in one place and with underscores in another. */
function plain(name: string): string {
  return name.replaceAll('-', '_');
}

async function dependenciesOf(
  folder: string,
  files: ReadonlyMap<string, string>,
  names: readonly string[],
): Promise<Map<string, string[]>> {
  if (names.length === 0) return new Map();
  const { stdout } = await run(
    'modinfo',
    names.map((name) => join(folder, files.get(name) ?? name)),
  );
  const texts = stdout.split(/^filename:/m).slice(1);
  return new Map(
    names.map((name, index) => {
      const text = texts[index] ?? '';
      const depends = /^depends: *(.*)$/m.exec(text)?.[1]?.split(',') ?? [];
      const before = Array.from(text.matchAll(/^softdep: *pre: (.*?)(?: post:.*)?$/gm), ([, list = '']) =>
        list.split(' '),
      ).flat();
      return [name, [...depends, ...before].filter((needed) => needed !== '').map(plain)];
    }),
  );
}

/** Each name once, after all that it needs. */
function inOrder(names: readonly string[], needs: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const visit = (name: string): void => {
    if (done.has(name) || !needs.has(name)) return;
    for (const needed of needs.get(name) ?? []) visit(needed);
    done.add(name);
  };
  for (const name of names) visit(name);
  return [...done];
}
