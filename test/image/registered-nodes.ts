/** What `mesh nodes` says when these boards, node1 to node8, are known to the manager and connected with it, and no others. */
export function registeredNodes(names: readonly string[]): RegExp {
  const lines = names.map((name) => `${name} .*192\\.168\\.0\\.${Number(name.slice(4)) + 1}:5000.*\n`);
  return new RegExp(`^NODE .*\n${lines.join('')}$`);
}
