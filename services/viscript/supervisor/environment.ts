/** What an app inherits from the supervisor; everything else is its own business and named in its entry. */
const inherited = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'TZ',
  'TMPDIR',
  'NODE_COMPILE_CACHE',
  'XDG_RUNTIME_DIR',
];

export function baseEnvironment(from: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(from).filter((name) => inherited.includes(name) || name.startsWith('LC_'));
  return Object.fromEntries(names.map((name) => [name, from[name] ?? '']));
}
