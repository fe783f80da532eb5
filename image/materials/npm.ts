import { type BoardLock, integrityHash } from '../runtime.ts';
import type { Component } from './component.ts';

/** Node.js and the modules of a board. */
export function npmComponents(lock: BoardLock): Component[] {
  return Object.entries(lock).map(([path, entry]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return {
      ...{ type: 'library', name, version: entry.version },
      purl: `pkg:npm/${name.replace('@', '%40')}@${entry.version}`,
      licences: entry.license === undefined ? [] : [entry.license],
      hash: { algorithm: 'SHA-512', content: integrityHash(entry) },
    };
  });
}
