import { MAX_PROBLEMS, nearest, type Remark } from '../../yaml/index.ts';

/**
 * Finds dependencies on apps that are not there, and circles.
 *
 * @param apps for each app its `depends_on`, in the order of the file.
 */
export function dependencyProblems(apps: ReadonlyMap<string, readonly string[]>): Remark[] {
  return [...unknownApps(apps), ...circles(apps)].slice(0, MAX_PROBLEMS);
}

function* unknownApps(apps: ReadonlyMap<string, readonly string[]>): Generator<Remark> {
  for (const [name, dependencies] of apps) {
    for (const [index, dependency] of dependencies.entries()) {
      if (apps.has(dependency)) continue;
      const close = nearest(dependency, apps.keys());
      const hint = close === undefined ? '' : `; did you mean ${close}?`;
      const message = `${name} depends on ${JSON.stringify(dependency)}, which is no app of this file${hint}`;
      yield { path: ['apps', name, 'depends_on', index], message };
    }
  }
}

/** Depth first, each app once, so that every circle is named at the entry that closes it. */
function circles(apps: ReadonlyMap<string, readonly string[]>): Remark[] {
  const problems: Remark[] = [];
  const done = new Set<string>();
  const trail: string[] = [];

  const visit = (name: string): void => {
    trail.push(name);
    for (const [index, dependency] of (apps.get(name) ?? []).entries()) {
      const start = trail.indexOf(dependency);
      if (start >= 0) {
        const circle = [...trail.slice(start), dependency].join(' → ');
        problems.push({
          path: ['apps', name, 'depends_on', index],
          message: `apps depend on each other: ${circle}`,
        });
      } else if (apps.has(dependency) && !done.has(dependency)) {
        visit(dependency);
      }
    }
    trail.pop();
    done.add(name);
  };

  for (const name of apps.keys()) if (!done.has(name)) visit(name);
  return problems;
}
