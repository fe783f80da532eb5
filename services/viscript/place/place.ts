import { readFile } from 'node:fs/promises';
import { ShapeError, shape, text } from '../../signal/shape.ts';
import { portAddresses } from './addresses.ts';

/** What board-setup has made of a board's place in a rack (image/board-setup/tree.ts); no file for a board that has none. */
const RACK = '/run/skyminer/rack';

const rackOf = shape((fields) => ({
  board: text(fields, 'board'),
  domain: text(fields, 'domain'),
  rack: text(fields, 'rack'),
}));

/** Who this board is and how it is reached, or what to do next, in lines for people. Never rejects. */
export async function placeOfBoard(): Promise<string[]> {
  const [rack, addresses] = await Promise.all([readRack(), portAddresses()]);
  return placeLines(rack, addresses);
}

/** @param rack text of the file; undefined where there is none */
export function placeLines(rack: string | undefined, addresses: readonly string[]): string[] {
  const at = addresses.length === 0 ? 'no address yet' : addresses.join(', ');
  const known = rack === undefined ? undefined : parsed(rack);
  if (known !== undefined) {
    const { board, domain, rack: key } = known;
    return [`Board ${board} of the rack ${domain} (${key.slice(0, 8)}), ${at}`];
  }
  return [
    `This board belongs to no rack. ${addresses.length === 0 ? 'It has no address yet' : `Its address: ${at}`}`,
    "Next: write its card with 'skyminer provision' on your computer, or edit board.yaml on the card's first partition",
  ];
}

function parsed(json: string): ReturnType<typeof rackOf.parse> | undefined {
  try {
    return rackOf.parse(JSON.parse(json));
  } catch (error) {
    // Board setup tells what was wrong when it could not write it whole.
    if (error instanceof SyntaxError || error instanceof ShapeError) return undefined;
    throw error;
  }
}

async function readRack(): Promise<string | undefined> {
  return readFile(RACK, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    return String(error);
  });
}
