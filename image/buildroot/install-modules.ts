/** `install-modules.ts NPM TARGET_DIR`: installs the modules that lie in a folder as npm would lay them out. */
import { join } from 'node:path';
import { copyModules, HOME, readBoardLock } from '../runtime.ts';

const [npm = '', target = ''] = process.argv.slice(2);
await copyModules(npm, join(target, HOME), await readBoardLock());
