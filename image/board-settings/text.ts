import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { parsePublicKey } from '../../services/net/keys.ts';
import { parseSshKey } from '../../services/net/ssh/public-key.ts';
import { InvalidFile, parseText } from '../../services/yaml/index.ts';
import { NODE_PORT } from '../rack/told.ts';
import { relationProblems } from './relations.ts';
import { type BoardFile, boardFile } from './schema.ts';
import type { BoardMesh, BoardNetwork, BoardSettings } from './settings.ts';

/** Name of the file on the FAT partition `boot`. */
export const BOARD_FILE = 'board.yaml';
/** Room for the longest list of members there is. */
export const MAX_BOARD_FILE = 2 * 1024 * 1024;

const HEAD = `# What is this board's own: read at every start, and never written by the board. Change it with any text editor, delete
# its last line, and start the board again.
`;
const CHECKSUM = /^# sha256 (.*)\n?$/m;

const format = {
  schema: boardFile,
  maxBytes: MAX_BOARD_FILE,
  isText: () => true,
  check: relationProblems,
};

/**
 * The text of a board file, with its checksum. The list of members comes last, so that a file of which the end is missing
 * has a list whose signature is wrong.
 *
 * @throws {InvalidFile} when a setting is none that {@link readBoardFile} takes
 */
export function formatBoardFile(settings: BoardSettings): string {
  const { board, network, sshKeys, consolePassphrase, mesh, apps, updateKeys, backupKey } = settings;
  const body = stringify(
    withoutUndefined({
      board,
      network: network && withoutUndefined({ ...network }),
      ssh_keys: sshKeys,
      console_passphrase: consolePassphrase?.trimEnd(),
      backup_key: backupKey,
      apps: Object.fromEntries(
        Object.entries(apps).map(([name, app]) => [name, withoutUndefined({ ...app })]),
      ),
      update_keys: updateKeys,
      mesh: mesh && inOrder(mesh),
    }),
    { lineWidth: 0, flowCollectionPadding: false, aliasDuplicateObjects: false },
  );
  const text = HEAD + body;
  const whole = `${text}# sha256 ${sha256(text)}\n`;
  readBoardFile(whole);
  return whole;
}

/**
 * Reads a board file. A line `# sha256 HEX` at its end must be right; a file without one was written by a person.
 * Windows' line ends, a byte order mark and a missing last line end make no difference.
 *
 * @returns undefined when nothing but comments is in it: a board that belongs to no rack
 * @throws {InvalidFile} with everything that is wrong, each with line and column
 */
export function readBoardFile(content: string | Uint8Array): BoardSettings | undefined {
  const text = plain(content);
  checkSum(text);
  const file = parseText(text, BOARD_FILE, format);
  return file === null ? undefined : toSettings(file);
}

function plain(content: string | Uint8Array): string {
  if (content.length > MAX_BOARD_FILE)
    throw InvalidFile.whole(BOARD_FILE, `is larger than ${MAX_BOARD_FILE} bytes`);
  const text = typeof content === 'string' ? content.replace(/^\ufeff/, '') : decode(content);
  // What a card has when its file system lost what it held.
  if (/^[\s\0]*$/.test(text)) throw InvalidFile.whole(BOARD_FILE, 'is empty: write it again');
  if (text.includes('\0'))
    throw InvalidFile.whole(BOARD_FILE, 'is damaged: a part of it is lost; write it again');
  return text.replaceAll('\r\n', '\n');
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw InvalidFile.whole(BOARD_FILE, 'is damaged, or no text in UTF-8: save it as UTF-8', cause);
  }
}

function checkSum(text: string): void {
  const lines = text.trimEnd().split('\n');
  const found = CHECKSUM.exec(lines.at(-1) ?? '');
  if (found === null) return;
  const at = text.lastIndexOf('# sha256 ');
  if (found[1] === sha256(text.slice(0, at))) return;
  const message =
    'the checksum does not fit: delete the last line when you have edited the file, else write it again';
  throw new InvalidFile([{ file: BOARD_FILE, line: lines.length, column: 1, message }]);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function toSettings(file: NonNullable<BoardFile>): BoardSettings {
  const apps = Object.entries(file.apps ?? {});
  return {
    board: file.board,
    network: file.network ? toNetwork(file.network) : undefined,
    sshKeys: (file.ssh_keys ?? []).map(parseSshKey),
    consolePassphrase: file.console_passphrase?.trimEnd(),
    mesh: file.mesh && toMesh(file.mesh),
    apps: Object.fromEntries(apps.map(([name, app]) => [name, { args: app?.args ?? undefined }])),
    updateKeys: file.update_keys,
    backupKey: file.backup_key,
  };
}

function toNetwork({ dns, ntp, ...rest }: NonNullable<NonNullable<BoardFile>['network']>): BoardNetwork {
  return { ...withoutUndefined(rest), dns: dns ?? [], ntp: ntp ?? [] };
}

function toMesh(mesh: NonNullable<NonNullable<BoardFile>['mesh']>): BoardMesh {
  const { rack, manager, listen = [`0.0.0.0:${NODE_PORT}`], domain = 'rack.mesh', members } = mesh;
  return { rack: parsePublicKey(rack), manager, listen, domain, members };
}

function inOrder({ rack, manager, listen, domain, members }: BoardMesh): BoardMesh {
  return { rack, manager, listen, domain, members };
}

function withoutUndefined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
