import { type Document, isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml';
import type { Role } from '../../../services/net/membership.ts';
import { RackError } from '../error.ts';

/** What a new entry of `boards` says. */
export interface BoardEntry {
  /** IPv4 or dhcp; undefined: not said. */
  address: string | undefined;
  roles: readonly Role[];
}

/**
 * The text of a `rack.yaml`, one that was read without a problem, with one more board at the end of `boards`. Comments and
 * order stay.
 *
 * @throws {RackError} when it is written in a way that only a person can change
 */
export function withBoard(text: string, board: string, { address, roles }: BoardEntry): string {
  return edited(text, (document) => {
    const boards = boardsOf(document);
    const entry = document.createNode(address === undefined ? { roles } : { address, roles }, { flow: true });
    boards.add(document.createPair(board, entry));
  });
}

/** The text without a board, in `boards` and wherever an app is to start. @throws {RackError} as {@link withBoard} */
export function withoutBoard(text: string, board: string): string {
  return edited(text, (document) => {
    boardsOf(document).delete(board);
    const apps = document.get('apps', true);
    if (!isMap(apps)) return;
    for (const { value: app } of apps.items) {
      const boards = isMap(app) ? app.get('boards', true) : undefined;
      if (isSeq(boards))
        boards.items = boards.items.filter((item) => !isScalar(item) || item.value !== board);
    }
  });
}

function edited(text: string, change: (document: Document) => void): string {
  try {
    const document = parseDocument(text, { schema: 'core' });
    change(document);
    return document.toString({ lineWidth: 0, flowCollectionPadding: false });
  } catch (cause) {
    if (cause instanceof RackError) throw cause;
    // An alias of what was taken away, for instance.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RackError(`rack.yaml cannot be changed by a program: write it yourself (${reason})`, { cause });
  }
}

function boardsOf(document: Document): YAMLMap {
  const boards = document.get('boards', true);
  if (isMap(boards)) return boards;
  throw new RackError('rack.yaml cannot be changed by a program: its boards are no map that is written out');
}
