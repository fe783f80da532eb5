import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build as esbuild, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** Programs of `dist/`, by their names there. */
const runtimeEntries = {
  viscript: 'services/viscript/main.ts',
  'config-loader': 'services/viscript/config/loader-process.ts',
  'guard-cleanup': 'services/viscript/launcher/guard-cleanup.ts',
  'mark-good': 'image/slots/mark-good.ts',
  'slot-gate': 'image/slots/gate.ts',
  'board-setup': 'image/board-setup/main.ts',
  'data-format': 'image/data-format/main.ts',
  'viscript-rescue': 'image/console/main.ts',
  'viscript-backup': 'image/backup/main.ts',
  'viscript-update': 'image/update/service/main.ts',
  'rauc-backend': 'image/update/backend.ts',
  'apps/apptracker': 'services/apptracker/main.ts',
  'apps/meshnet-nm': 'services/manager/main.ts',
  'apps/meshnet-node': 'services/node/main.ts',
  'apps/meshnet-echo': 'services/echo/main.ts',
  'apps/meshnet-forward': 'services/forward/main.ts',
  'apps/meshnet-vpn-client': 'services/vpn/client/main.ts',
  'apps/meshnet-vpn-server': 'services/vpn/server/main.ts',
  'apps/meshnet-socks-client': 'services/socks/client/main.ts',
  'apps/meshnet-socks-server': 'services/socks/server/main.ts',
};
const laptopEntries = { skyminer: 'scripts/skyminer/launcher.ts' };

/** Packages with native parts: they are loaded from node_modules, on the board from beside the bundle. */
export const nativePackages = ['koffi', '@serialport/bindings-cpp'];

/**
 * Node has `using`. What esbuild makes of it for others throws the error of one round of a loop again in every later one
 * (0.28.2).
 */
export const supported = { using: true };

const copied = { 'guard.sh': 'services/viscript/launcher/guard.sh', 'config.yaml': 'config.yaml' };

export interface BuildOptions {
  /** Folder that is replaced by the bundle. Default `dist/` of the repository. */
  out?: string;
  /** Leave out what only a laptop needs. */
  boardOnly?: boolean;
}

/** Bundles the runtime and the tools. The same sources give the same bytes, wherever the repository lies. */
export async function build({
  out = join(root, 'dist'),
  boardOnly = false,
}: BuildOptions = {}): Promise<void> {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  // Each program by itself: parts that several share would become files that every start has to find and read.
  const entries = { ...runtimeEntries, ...(boardOnly ? {} : laptopEntries) };
  await Promise.all(Object.entries(entries).map(([name, source]) => bundle({ [name]: source }, out)));
  for (const [name, source] of Object.entries(copied)) await copyFile(join(root, source), join(out, name));
  // Without it Node parses each file twice, to find out that it is a module.
  await writeFile(join(out, 'package.json'), '{"type":"module"}\n');
  for (const name of await readdir(out)) {
    if (name.endsWith('.js') || name.endsWith('.sh')) await chmod(join(out, name), 0o755);
  }
}

/**
 * `require` for an ES module: what is bundled asks by it for modules of Node's, and packages with native parts are
 * found by it. Node's own maker of such functions takes milliseconds to load, and most commands never need it.
 */
const REQUIRE =
  'const require=id=>process.getBuiltinModule(id)??process.getBuiltinModule("node:module").createRequire(import.meta.url)(id);';

async function bundle(entryPoints: Record<string, string>, out: string): Promise<void> {
  await esbuild({
    absWorkingDir: root,
    entryPoints,
    outdir: out,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    supported,
    external: nativePackages,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [thriftyBuiltins],
    banner: { js: REQUIRE },
  });
}

/**
 * Loads parts of Node only when they are used, which saves each process 15 MB of memory and a quarter of its start:
 * - an ES import of a module of Node's reads every export of it, among them getters that load further modules (of
 *   node:fs its streams and promises, of node:http undici); `require` does not. Each file of ours has such a `require` of its
 *   own: one that several share would become a file, which every start has to find and read;
 * - the package ws asks for https, tls and zlib, and on local sockets needs none of them.
 */
const thriftyBuiltins: Plugin = {
  name: 'thrifty-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind, importer }) =>
      kind === 'require-call'
        ? { path, external: true }
        : { path, namespace: 'required', suffix: `?${shortNameOf(importer)}` },
    );
    onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
    onResolve({ filter: /^(https|tls|zlib)$/ }, ({ path }) => ({ path, namespace: 'on-use' }));
    onLoad({ filter: /.*/, namespace: 'on-use' }, ({ path }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:${path}')[name] });`,
    }));
  },
};

/** Of a file, the same wherever the repository lies. */
function shortNameOf(file: string): string {
  return createHash('sha256').update(relative(root, file)).digest('hex').slice(0, 6);
}

if (import.meta.main) await build();
