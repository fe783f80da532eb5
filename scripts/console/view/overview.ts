import { basename } from 'node:path';
import { formatBytes, table } from '../../../services/viscript/commands/format.ts';
import type { Board } from '../board.ts';
import { cutTo, harmless } from '../harmless.ts';
import { clock } from './stamps.ts';

const HEAD = ['', 'BOARD', 'STATE', 'IN', 'OUT', 'LAST LINE'];
/** Columns of a name and of a state at most. */
const NAME = 24;
const STATE = 44;

/** A line for each board: number, name, state, bytes, those who look on, and the last thing it said. */
export function overview(boards: readonly Board[], shown: Board, columns: number): string[] {
  const rows = boards.map((board, index) => [
    `${board === shown ? '>' : ' '}${index + 1}`,
    cutTo(board.label, NAME),
    cutTo(`${stateOf(board)}${watching(board)}`, STATE),
    formatBytes(board.received),
    `${formatBytes(board.line.sent)}${waiting(board)}`,
    harmless(board.lastLine),
  ]);
  return table(HEAD, rows)
    .trimEnd()
    .split('\n')
    .map((line) => cutTo(line, columns - 1));
}

function stateOf({ line: { state } }: Board): string {
  const since = clock(state.since).slice(0, 8);
  return state.kind === 'connected'
    ? `connected ${since} ${harmless(basename(state.device))}`
    : `waiting ${since} ${harmless(state.reason)}`;
}

function watching({ watchers }: Board): string {
  return watchers === 0 ? '' : `, ${watchers} look on`;
}

function waiting({ line: { queued } }: Board): string {
  return queued === 0 ? '' : ` +${formatBytes(queued)} waiting`;
}
