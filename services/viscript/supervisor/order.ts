import type { Config } from '../config/schema.ts';

/**
 * Apps to start by themselves and all they depend on, each after those it depends on.
 * The config loader has refused cycles and unknown names already.
 */
export function startOrder(config: Config): string[] {
  const wanted = [...config.apps.values()].filter((app) => app.autostart).map((app) => app.name);
  return withDependencies(wanted, config);
}

/** The named apps and everything they depend on, dependencies first. */
export function withDependencies(names: string[], config: Config): string[] {
  const ordered = new Set<string>();
  const visit = (name: string) => {
    for (const dependency of config.apps.get(name)?.dependsOn ?? []) visit(dependency);
    ordered.add(name);
  };
  for (const name of names) visit(name);
  return [...ordered];
}
