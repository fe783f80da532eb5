import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../services/net/durable-file.ts';
import { parsePublicKey } from '../../services/net/keys.ts';
import { readMembership } from '../../services/net/membership.ts';
import { boardConfig } from './board-config.ts';
import { parseTold } from './told.ts';

/** The program of mesh-config.service: writes the config file of a board that was told its rack. */
const TOLD = '/data/skyminer';
const CONFIG = '/etc/viscript/config.yaml';

try {
  const read = (file: string) => readFile(join(TOLD, file), 'utf8');
  const rack = parsePublicKey((await read('rack')).trimEnd());
  const membership = readMembership(await read('members'), rack);
  const packaged = await readFile(join(import.meta.dirname, 'config.yaml'), 'utf8');
  await writeDurably(CONFIG, boardConfig(packaged, parseTold(await read('mesh.yaml')), membership), 0o644);
} catch (error) {
  console.error(
    `mesh-config: the mesh does not start by itself: ${error instanceof Error ? error.message : error}`,
  );
  process.exitCode = 1;
}
