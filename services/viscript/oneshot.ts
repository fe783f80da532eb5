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
  const input = new StandardInput();
  const interrupt = () => abort.abort();
  process.on('SIGINT', interrupt);
  // A reader that has seen enough (`viscript logs 1 | head`) ends the command as Ctrl-C does.
  process.stdout.on('error', interrupt);
  try {
    return await client.run(
      {
        ...{ argv, json, color, columns: process.stdout.columns ?? 0, input: input.chunks() },
        onBytes: (data) => void process.stdout.write(data),
      },
      (stream, text) => {
        process[stream].write(text);
      },
      abort.signal,
    );
  } finally {
    process.off('SIGINT', interrupt);
    input.close();
  }
}

/** Opened only when the command reads it: merely looking at `process.stdin` takes Node longer than most commands. */
class StandardInput {
  #opened = false;

  async *chunks(): AsyncGenerator<string> {
    this.#opened = true;
    process.stdin.setEncoding('utf8');
    for await (const chunk of process.stdin) yield String(chunk);
  }

  close(): void {
    if (this.#opened) process.stdin.destroy();
  }
}
