/** `fetch-npm-packages.ts FOLDER`: fetches the npm packages that Buildroot's own packages are made of, with npm. */
import { readBoardLock } from '../runtime.ts';
import { fetchNpmPackages } from './npm-packages.ts';

const [folder = ''] = process.argv.slice(2);
await fetchNpmPackages(folder, await readBoardLock());
