import type { ControlClient } from './control/client.ts';

export interface OneShotOptions {
  client: ControlClient;
  argv: string[];
  json: boolean;
  color: boolean;
}

/** Runs one command for a shell: output to standard output and error, Ctrl-C cancels it. @returns the exit status */
export async function runOneShot({ client, argv, json, color }: OneShotOptions): Promise<number> {
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  process.on('SIGINT', interrupt);
  // A reader that has seen enough (`viscript logs 1 | head`) ends the command as Ctrl-C does.
  process.stdout.on('error', interrupt);
  try {
    return await client.run(
      { argv, json, color, columns: process.stdout.columns ?? 0, input: standardInput() },
      (stream, text) => {
        process[stream].write(text);
      },
      abort.signal,
    );
  } finally {
    process.off('SIGINT', interrupt);
    process.stdin.destroy();
  }
}

/** Opened only when the command reads it. */
async function* standardInput(): AsyncGenerator<string> {
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) yield String(chunk);
}
