import { isDeepStrictEqual } from 'node:util';
import type { Config } from './schema.ts';

/** Names of apps, each in the order of its file. */
export interface ConfigDiff {
  added: string[];
  removed: string[];
  changed: string[];
}

/** What a reload has to do: an app whose entry says the same in other words has not changed. */
export function diffConfigs(before: Config, after: Config): ConfigDiff {
  const names = [...after.apps.keys()];
  return {
    added: names.filter((name) => !before.apps.has(name)),
    removed: [...before.apps.keys()].filter((name) => !after.apps.has(name)),
    changed: names.filter(
      (name) => before.apps.has(name) && !isDeepStrictEqual(before.apps.get(name), after.apps.get(name)),
    ),
  };
}
