import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FlashError } from '../../../image/flash/error.ts';
import type { Target } from '../../../image/flash/outcome.ts';
import { isThere } from '../../../image/provision/card-image.ts';
import { cardOf } from '../../../image/provision/from-rack.ts';
import { readContents } from '../../../image/rack/board-settings.ts';
import { boardKeyFile, hostKeyFile } from '../../../image/rack/files.ts';
import { checkName } from '../../../image/rack/rack.ts';

export type Board = NonNullable<Target['board']>;

/** The rack's folder, by its path or that of the file `rack.yaml` in it. */
export async function rackFolder(path: string): Promise<string> {
  return (await stat(path)).isFile() ? dirname(path) : path;
}

/**
 * What the cards of boards get; all whose keys still wait for a card, where none is named.
 *
 * @throws {RackError} when one is no board of the rack, or its keys are not here
 */
export async function boardsOf(rack: string, names: readonly string[]): Promise<Board[]> {
  for (const name of names) checkName(name);
  const wanted = names.length > 0 ? names : await waiting(rack);
  if (wanted.length === 0)
    throw new FlashError(
      `No board of ${rack} waits for a card: 'skyminer rack replace BOARD' makes new keys.`,
    );
  const boards: Board[] = [];
  for (const name of wanted) boards.push(await cardOf(rack, name));
  return boards;
}

/**
 * Removes a board's secret keys from where they waited for its card.
 *
 * @returns of each file that could not be removed, what to tell the owner
 */
export async function dropKeys(rack: string, { settings: { board } }: Board): Promise<string[]> {
  const complaints: string[] = [];
  for (const file of [boardKeyFile(rack, board), hostKeyFile(rack, board)]) {
    try {
      await rm(file, { force: true });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      complaints.push(`a secret key of ${board} is on its card, and still in ${file}: remove it (${why})`);
    }
  }
  return complaints;
}

/** In the order of `rack.yaml`. */
async function waiting(folder: string): Promise<string[]> {
  const { rack } = await readContents(folder);
  const names: string[] = [];
  for (const name of rack.boards.keys()) if (await isThere(boardKeyFile(folder, name))) names.push(name);
  return names;
}
