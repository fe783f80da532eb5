import type { FrontEndLine } from './command-line.ts';
import { runFrontEnd } from './front-ends.ts';
import type { Paths } from './paths.ts';
import { splitWords } from './terminal/words.ts';

/** What sshd runs for the user viscript: the command that was asked for (SSH_ORIGINAL_COMMAND), else the terminal. */
export async function runSshSession(line: FrontEndLine, paths: Paths): Promise<number> {
  const words = splitWords(process.env.SSH_ORIGINAL_COMMAND ?? '');
  const json = words[0] === '--json';
  const argv = json ? words.slice(1) : words;
  if (notOverSsh.has(argv[0] ?? '')) throw new Error(`'${argv[0]}' is not for a session over SSH`);
  return runFrontEnd({ ...line, argv, json }, paths);
}

const notOverSsh = new Set(['ssh-session', 'serial', '--headless']);
