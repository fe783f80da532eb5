/**
 * Whether a version is older than another one. The release counts, as Semantic Versioning 2.0.0 orders it, three numbers; what
 * follows it in the version of an image names a build, and builds of one release have no order.
 *
 * @returns undefined when one of them is no version
 */
export function isOlder(version: string, than: string): boolean | undefined {
  const [a, b] = [releaseOf(version), releaseOf(than)];
  if (a === undefined || b === undefined) return undefined;
  const index = a.findIndex((number, at) => number !== b[at]);
  return index !== -1 && (a[index] ?? 0) < (b[index] ?? 0);
}

function releaseOf(version: string): number[] | undefined {
  const numbers = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/.exec(version);
  return numbers?.slice(1).map(Number);
}
