#!/usr/bin/env node
import { CommandLineError, parseCommandLine, usage } from './command-line.ts';
import { exitStatus } from './control/protocol.ts';
import { findPaths } from './paths.ts';

/** Entry of the program `viscript`. What a call does not need is not loaded: on a board loading is most of a call. */
const libraryDirectory = import.meta.dirname;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = statusOf(error);
  process.stderr.write(`viscript: ${error instanceof Error ? error.message : String(error)}\n`);
}

async function main(words: string[]): Promise<number> {
  const line = parseCommandLine(words);
  if (line.mode === 'help') {
    process.stdout.write(usage);
    return exitStatus.done;
  }
  if (line.mode === 'version') {
    const { version } = await import('./machine.ts');
    process.stdout.write(`viscript ${version}\n`);
    return exitStatus.done;
  }
  if (line.mode === 'remote') {
    const { runRemote } = await import('./remote.ts');
    return runRemote(line.host, line.argv);
  }
  const paths = findPaths({ ...line, libraryDirectory }, process.env);
  if (line.mode === 'headless') {
    const { runHeadless } = await import('./headless.ts');
    return runHeadless({ paths, libraryDirectory, owned: line.owned });
  }
  const frontEnds = await import('./front-ends.ts');
  return frontEnds.runFrontEnd(line, paths);
}

function statusOf(error: unknown): number {
  if (error instanceof CommandLineError) return exitStatus.usage;
  return error instanceof Error && error.name === 'NoSupervisor'
    ? exitStatus.noSupervisor
    : exitStatus.failed;
}
