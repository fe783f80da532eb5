/** How an app speaks to its node, and through it to the apps at other nodes. */
export { parseAccess } from './access.ts';
export { MeshApp, type MeshAppEvents, type MeshAppOptions } from './app.ts';
export { showMesh } from './show.ts';
export { formatTarget, parseTarget } from './target.ts';
export * from './types.ts';
