import type { Membership } from '../../services/net/membership.ts';
import type { BoardSettings } from '../board-settings/settings.ts';
import { RackError } from './error.ts';
import type { RackFile } from './rack-file/rack-file.ts';
import { readBackupKey, readDescription, readSignedList } from './read.ts';
import { MANAGER_PORT } from './told.ts';

/** All that boards are told of their rack. */
export interface RackContents {
  rack: RackFile;
  membership: Membership;
  /** The signed list, as it was signed. */
  members: string;
  /** X25519, 64 hex digits. */
  backupKey: string;
}

/**
 * @throws {RackError} when a part of the folder is missing or wrong
 * @throws {InvalidFile} when `rack.yaml` is wrong
 */
export async function readContents(folder: string): Promise<RackContents> {
  const { membership, text } = await readSignedList(folder);
  return {
    rack: await readDescription(folder),
    ...{ membership, members: text, backupKey: await readBackupKey(folder) },
  };
}

/**
 * What the card of a board says: its entry in `rack.yaml`, and what holds for all.
 *
 * @throws {RackError} when it is no board of the rack, or it or the manager has no identity yet
 */
export function boardSettings(contents: RackContents, board: string): BoardSettings {
  const { rack, membership, members, backupKey } = contents;
  const entry = rack.boards.get(board);
  if (entry === undefined)
    throw new RackError(`rack.yaml has no board ${board}: there are ${[...rack.boards.keys()].join(', ')}`);
  identityOf(membership, board);
  const { subnet, gateway, dns, ntp } = rack.network;
  const { address, mac, listen } = entry;
  const isFixed = subnet !== undefined && address !== undefined;
  const apps = [...rack.apps].filter(([, app]) => app.boards === undefined || app.boards.includes(board));
  return {
    board,
    network: {
      ...(mac === undefined ? {} : { mac }),
      ...(isFixed ? { address: `${address}/${subnet.prefix}` } : {}),
      ...(isFixed && gateway !== undefined ? { gateway } : {}),
      ...{ dns, ntp },
    },
    sshKeys: rack.sshKeys,
    consolePassphrase: rack.consolePassphrase,
    mesh: {
      ...{ rack: membership.rack, manager: managerOf(contents), listen },
      ...{ domain: rack.domain, members },
    },
    apps: Object.fromEntries(apps.map(([name, { args }]) => [name, { args }])),
    updateKeys: rack.updateKeys,
    backupKey,
  };
}

/** A board of the rack is known by the list, so that the cards of all others stay good when it is replaced. */
function managerOf({ rack: { manager }, membership }: RackContents): string {
  if (!('board' in manager)) return `${manager.key}@${manager.address}`;
  identityOf(membership, manager.board);
  return `${manager.host}:${MANAGER_PORT}`;
}

function identityOf({ members }: Membership, board: string): string {
  const member = members.find((other) => other.board === board);
  if (member === undefined) throw new RackError(`${board} has no identity yet: 'skyminer rack sign' first`);
  return member.key;
}
