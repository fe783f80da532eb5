import { ImageError } from '../error.ts';
import { run } from '../run.ts';

/** Where Debian's packages come from. */
export interface Mirror {
  main: string;
  /** Undefined when the machine has no source of security updates. */
  security: string | undefined;
}

/** Suites by which a Debian machine may name its own release. */
const SUITES =
  /^(?:bookworm|trixie|forky|duke|oldstable|stable|testing|sid|unstable)(-updates|-security|-backports)?$/;

/** `apt-get indextargets` fills these in; it reads one-line and deb822 sources alike. */
const FORMAT = '$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(ORIGIN)';

/**
 * The Debian mirror that this machine is configured with, or the one that SKYMINER_DEBIAN_MIRROR names.
 *
 * @throws ImageError when there is none
 */
export async function findMirror(environment: NodeJS.ProcessEnv = process.env): Promise<Mirror> {
  const named = environment.SKYMINER_DEBIAN_MIRROR;
  if (named !== undefined && named !== '') return siblings(named);
  const known = await indexTargets([]);
  return (
    chooseMirror(known) ??
    chooseMirror(await indexTargets(['--no-release-info'])) ??
    missing('No Debian mirror is configured on this machine')
  );
}

/**
 * Picks the mirror from lines of `URI SUITE COMPONENT ORIGIN`, separated by tabs. An origin that apt does not
 * know yet stands there as its placeholder.
 */
export function chooseMirror(lines: string): Mirror | undefined {
  const found = new Map<string, string>();
  for (const line of lines.split('\n')) {
    const [uri, suite = '', component, origin = ''] = line.split('\t');
    const match = SUITES.exec(suite);
    if (uri === undefined || match === null || component !== 'main') continue;
    if (origin !== 'Debian' && !origin.startsWith('$(')) continue;
    const use = match[1] ?? '';
    if (!found.has(use)) found.set(use, uri.replace(/\/$/, ''));
  }
  const main = found.get('');
  return main === undefined ? undefined : { main, security: found.get('-security') };
}

/** A mirror named by its main archive: the security archive stands beside it, as on Debian's own hosts. */
function siblings(uri: string): Mirror {
  if (!/^(?:https?|file|copy|mirror\+\w+):\S+$/.test(uri))
    missing(`SKYMINER_DEBIAN_MIRROR is no address: ${uri}`);
  const main = uri.replace(/\/+$/, '');
  return { main, security: `${main}-security` };
}

async function indexTargets(options: readonly string[]): Promise<string> {
  const { stdout } = await run('apt-get', [
    'indextargets',
    ...options,
    '--format',
    FORMAT,
    'Created-By: Packages',
  ]);
  return stdout;
}

function missing(what: string): never {
  throw new ImageError(
    `${what}: set SKYMINER_DEBIAN_MIRROR to the address of one (the folder that holds dists/ and pool/).`,
  );
}
