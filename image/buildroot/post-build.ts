/** `post-build.ts TARGET_DIR BOARD`: makes of what the packages have installed the root of a board. */
import { join } from 'node:path';
import { loadBoard } from '../board-file.ts';
import { Cache, hashFiles, hashTree } from '../cache.ts';
import { readWords, repository } from '../files.ts';
import { imageVersion } from '../os-release.ts';
import { addAccounts } from '../root/accounts.ts';
import { writeBoardFiles } from '../root/board.ts';
import { makeCommonEtc, makeFolders } from '../root/etc.ts';
import { overlay } from '../root/overlay.ts';
import { chooseUnits } from '../root/units.ts';
import { HOME } from '../runtime.ts';
import { builtPaths, imageFiles, uBootFile } from './built.ts';
import { external } from './configuration.ts';
import { keepModules } from './keep-modules.ts';
import { nameAsDebianDoes } from './names.ts';

const [target = '', name = ''] = process.argv.slice(2);
const board = await loadBoard(name);
const overlayFolder = join(repository, 'image/rootfs-overlay');
const { config, images } = builtPaths(process.env);

await makeFolders(target);
await overlay(overlayFolder, target);
const runtime = await hashTree(join(target, HOME));
// All that a slot is made of, kernel and initramfs too: of two slots of one version neither would be on trial.
const built = [config, join(images, imageFiles.kernel), join(images, uBootFile(board))];
const ours = ['image/root', 'image/disk'].map((folder) => join(repository, folder));
const trees = await Promise.all([overlayFolder, external, ...ours].map(hashTree));
const version = await imageVersion(new Cache('').keyOf([board, runtime, await hashFiles(built), ...trees]));
await writeBoardFiles(target, board, version, 'buildroot');
await nameAsDebianDoes(target);
await addAccounts(target);
await makeCommonEtc(target);
await chooseUnits(target);
const common = await readWords(join(repository, 'image/debian/modules.txt'));
await keepModules(target, [...common, ...board.modules, board.watchdog.module]);
