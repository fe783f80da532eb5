import type { FrontEndLine } from './command-line.ts';
import { ControlClient } from './control/client.ts';
import { exitStatus } from './control/protocol.ts';
import { runOneShot } from './oneshot.ts';
import type { Paths } from './paths.ts';

/** Chooses the front end that a command line asks for. @returns the exit status */
export async function runFrontEnd(line: FrontEndLine, paths: Paths): Promise<number> {
  const { argv, json } = line;
  const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
  switch (argv[0]) {
    case undefined: {
      const { runInteractive } = await import('./interactive.ts');
      return runInteractive({ paths, color });
    }
    case 'serial': {
      const { runSerial } = await import('./serial/main.ts');
      return runSerial(argv.slice(1), paths);
    }
    case 'ssh-session': {
      const { runSshSession } = await import('./ssh-session.ts');
      return runSshSession(line, paths);
    }
    case 'completion': {
      const { printShellCompletion } = await import('./terminal/shell-completion.ts');
      return printShellCompletion(argv.slice(1));
    }
    case '__complete':
      return printCompletions(argv.slice(1), paths);
  }
  const client = await ControlClient.connect(paths.controlSocket);
  try {
    return await runOneShot({ client, argv, json, color });
  } finally {
    client.close();
  }
}

/** For the shells: the words so far, the last one being typed; one candidate a line. */
async function printCompletions(words: string[], paths: Paths): Promise<number> {
  const { shellCandidates } = await import('./terminal/shell-completion.ts');
  const values = await shellCandidates(words, async (before, word) => {
    const client = await ControlClient.connect(paths.controlSocket);
    try {
      return await client.complete(before, word);
    } finally {
      client.close();
    }
  });
  process.stdout.write(values.map((value) => `${value}\n`).join(''));
  return exitStatus.done;
}
