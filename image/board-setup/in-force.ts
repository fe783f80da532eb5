import { join } from 'node:path';
import { writeDurably } from '../../services/net/durable-file.ts';
import { InvalidFile } from '../../services/yaml/index.ts';
import type { BoardSettings } from '../board-settings/settings.ts';
import { BOARD_FILE, readBoardFile } from '../board-settings/text.ts';
import { contentOf } from './inputs.ts';

/** Where the initramfs has put the board file, and where it says why there is none. */
const GIVEN = `run/skyminer/${BOARD_FILE}`;
const WHY_NONE = 'run/skyminer/no-board-file';
/** The last board file that could be used, in a folder of root's alone. */
const GOOD = `data/system/board/good.yaml`;

/** What is lost of a file in a crash begins where a sector does. */
const SECTOR = 512;

/** The settings that count, and what is wrong with those on the card. */
export interface InForce {
  /** Undefined: no rack, and nothing of its own. */
  settings: BoardSettings | undefined;
  /** Whether they are those of the card; else of the last good file, with DHCP. */
  isCurrent: boolean;
  problems: string[];
}

/**
 * Reads the board file, and keeps it where it can be used. Where it cannot, the last good one counts but for its network:
 * an address that nobody can reach is no help to the one who has to mend it.
 */
export async function settingsInForce(root: string): Promise<InForce> {
  const good = await contentOf(join(root, GOOD));
  const given = await contentOf(join(root, GIVEN));
  const why = (await contentOf(join(root, WHY_NONE)))?.toString().trim();
  try {
    if (given === undefined) throw InvalidFile.whole(BOARD_FILE, why ?? 'was not read');
    if (isCutOff(given, good))
      throw InvalidFile.whole(BOARD_FILE, 'is cut off: its end is lost; write it again');
    const settings = readBoardFile(given);
    const problems = good?.equals(given) ? [] : await keep(join(root, GOOD), given);
    return { settings, isCurrent: true, problems };
  } catch (error) {
    if (!(error instanceof InvalidFile)) throw error;
    const before = good === undefined ? { problems: [] } : readGood(good);
    const settings = before.settings && { ...before.settings, network: undefined };
    const counts = settings === undefined ? 'nothing of it counts' : 'what the last good one said counts';
    const problems = [...error.message.split('\n'), `${BOARD_FILE}: ${counts}, and addresses come by DHCP`];
    return { settings, isCurrent: false, problems: [...problems, ...before.problems] };
  }
}

/** Whether it is the beginning of the last good one and ends as only a torn file does. */
function isCutOff(given: Buffer, good: Uint8Array = new Uint8Array()): boolean {
  const isPart = given.length > 0 && given.length < good.length && given.length % SECTOR === 0;
  return isPart && given.equals(good.subarray(0, given.length));
}

async function keep(file: string, given: Buffer): Promise<string[]> {
  try {
    await writeDurably(file, given, 0o600);
    return [];
  } catch (error) {
    return [`${BOARD_FILE} cannot be kept on data: ${error instanceof Error ? error.message : error}`];
  }
}

function readGood(good: Buffer): { settings?: BoardSettings | undefined; problems: string[] } {
  try {
    return { settings: readBoardFile(good), problems: [] };
  } catch (error) {
    if (!(error instanceof InvalidFile)) throw error;
    return { problems: [`the last good ${BOARD_FILE} cannot be used either`] };
  }
}
