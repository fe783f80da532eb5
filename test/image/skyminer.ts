import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../image/run.ts';
import type { Guest } from './fixture.ts';

export interface Owned {
  guest: Guest;
  /** The board's name in its rack. */
  board: string;
  /** Folder of the rack, where the command runs. An `ssh_config.test` with this board alone is written there. */
  rack: string;
}

/** Runs `skyminer WORDS` as the board's owner does at a laptop, with OpenSSH's client. @returns its standard output */
export async function skyminerFor({ guest, board, rack }: Owned, words: string[]): Promise<string> {
  const options = (await guest.ssh()).options().filter((option) => option.includes('='));
  const lines = options.map((option) => `  ${option.replace('=', ' ')}\n`).join('');
  const config = join(rack, 'ssh_config.test');
  await writeFile(
    config,
    `Host ${board}\n  HostName 127.0.0.1\n  Port ${guest.board.sshPort}\n  User viscript\n${lines}`,
  );
  const program = join(import.meta.dirname, '../../scripts/skyminer/main.ts');
  const args = [program, ...words, '--rack', rack, '--ssh-config', config];
  return (await run(process.execPath, args, { cwd: rack })).stdout;
}
