import { access } from 'node:fs/promises';
import { RackError } from '../../image/rack/error.ts';
import { rackFiles } from '../../image/rack/files.ts';
import { type Pushed, pushMembers } from '../../image/rack/push.ts';
import { readSignedList } from '../../image/rack/read.ts';
import { printable, table } from '../../services/viscript/commands/format.ts';
import type { RackOptions } from './rack-commands.ts';

export interface PushCommandOptions extends RackOptions {
  sshConfig?: string;
  json: boolean;
}

/** `skyminer rack push` */
export async function pushRack(
  boards: readonly string[],
  { rack: folder, sshConfig = rackFiles(folder).sshConfig, json }: PushCommandOptions,
): Promise<void> {
  const { membership, text } = await readSignedList(folder);
  const { number, members } = membership;
  const all = members.map(({ board }) => board);
  const unknown = boards.find((board) => !all.includes(board));
  if (unknown !== undefined)
    throw new RackError(`list number ${number} has no board ${unknown}: it has ${all.join(', ') || 'none'}`);
  if (all.length === 0)
    throw new RackError(`list number ${number} has no boards: there is nobody to push it to`);
  await access(sshConfig).catch((cause: unknown) => {
    throw new RackError(`${sshConfig} is not there: name a configuration of ssh with --ssh-config FILE`, {
      cause,
    });
  });
  const pushed = await pushMembers({
    ...{ sshConfig, boards: boards.length === 0 ? all : boards },
    members: text,
  });
  process.stdout.write(json ? `${JSON.stringify({ number, boards: pushed })}\n` : tableOf(number, pushed));
  const failed = pushed.filter(({ outcome }) => outcome === 'failed').length;
  if (failed > 0)
    throw new RackError(
      `list number ${number} is not at ${failed} of ${pushed.length} boards: those that are up take it from the others`,
    );
}

function tableOf(number: number, pushed: readonly Pushed[]): string {
  const words = { taken: `took list ${number}`, had: `has list ${number}`, failed: 'did not take it: ' };
  const rows = pushed.map(({ board, outcome, problem = '' }) => [
    board,
    printable(`${words[outcome]}${problem}`),
  ]);
  return table(['BOARD', ''], rows);
}
