import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { syncFolder, writeDurably } from '../../services/net/durable-file.ts';
import type { PublicKey } from '../../services/net/keys.ts';
import { InvalidMembership, readMembership } from '../../services/net/membership.ts';
import type { BoardMesh, BoardSettings } from '../board-settings/settings.ts';
import { contentOf } from './inputs.ts';

/** Which of the files below a board file has made: one a line. Others have been put there by hand, and stay. */
const MADE = 'data/system/board/on-data';

interface OnData {
  content: string;
  mode: number;
}

/**
 * Brings what a board file says onto `data`, where console and node look for it, and takes away what an earlier one said
 * and this one does not. Can be cut short anywhere, and be done again.
 */
export async function bringOntoData(root: string, settings: BoardSettings | undefined): Promise<void> {
  const wanted = new Map(await wantedFiles(root, settings));
  const before = (await contentOf(join(root, MADE)))?.toString().split('\n').filter(Boolean) ?? [];
  const all = new Set([...before, ...wanted.keys()]);
  // Known as ours before it is there.
  if (all.size > before.length) await note(root, all);
  for (const [path, { content, mode }] of wanted) {
    const file = join(root, path);
    if ((await contentOf(file))?.equals(Buffer.from(content))) continue;
    await mkdir(dirname(file), { recursive: true });
    await writeDurably(file, content, mode);
  }
  const over = before.filter((path) => !wanted.has(path));
  for (const path of over) {
    await rm(join(root, path), { force: true });
    await syncFolder(dirname(join(root, path)));
  }
  if (over.length > 0) await note(root, wanted.keys());
}

async function note(root: string, paths: Iterable<string>): Promise<void> {
  await writeDurably(join(root, MADE), [...paths].map((path) => `${path}\n`).join(''), 0o644);
}

async function wantedFiles(root: string, settings: BoardSettings | undefined): Promise<[string, OnData][]> {
  const { board = '', consolePassphrase, mesh, backupKey } = settings ?? {};
  const files: [string, OnData][] = [];
  if (consolePassphrase !== undefined)
    files.push(['data/console/passphrase', { content: `${consolePassphrase}\n`, mode: 0o600 }]);
  if (backupKey !== undefined)
    files.push(['data/skyminer/backup_key', { content: `${backupKey}\n`, mode: 0o644 }]);
  if (mesh !== undefined) files.push(...(await meshFiles(root, board, mesh)));
  return files;
}

async function meshFiles(root: string, board: string, mesh: BoardMesh): Promise<[string, OnData][]> {
  const { rack, manager, listen, domain, members } = mesh;
  const newest = await newerOf(join(root, 'data/skyminer/members'), members, rack);
  return [
    ['data/skyminer/rack', { content: `${rack}\n`, mode: 0o644 }],
    ['data/skyminer/members', { content: newest, mode: 0o644 }],
    ['data/skyminer/mesh.yaml', { content: stringify({ board, manager, listen, domain }), mode: 0o644 }],
  ];
}

/** A board never goes back to a lower number of its rack's list. */
async function newerOf(file: string, given: string, rack: PublicKey): Promise<string> {
  const there = (await contentOf(file))?.toString();
  if (there === undefined) return given;
  try {
    const isOlder = readMembership(there, rack).number < readMembership(given, rack).number;
    return isOlder ? given : there;
  } catch (error) {
    // That of another rack, or a damaged one.
    if (error instanceof InvalidMembership) return given;
    throw error;
  }
}
