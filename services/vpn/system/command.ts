import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** The Debian package of each program that is run here. */
const PACKAGE = { ip: 'iproute2', nft: 'nftables', resolvectl: 'systemd-resolved' } as const;
export type Program = keyof typeof PACKAGE;

/** A program of the system is not installed. */
export class MissingProgram extends Error {
  override readonly name = 'MissingProgram';

  constructor(program: Program, options?: ErrorOptions) {
    super(`${program} is not installed: run 'apt-get install ${PACKAGE[program]}'`, options);
  }
}

/** A program of the system refused what it was asked to do. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  /** What it printed on standard error. */
  readonly output: string;

  constructor(program: Program, args: readonly string[], why: string, output: string) {
    super(`${[program, ...args].join(' ')} ${why}: ${output.trim()}`);
    this.output = output;
  }
}

/**
 * Runs a program to its end, without a shell and with messages in English.
 * @param input what it reads on standard input
 * @returns its standard output
 * @throws {MissingProgram | CommandFailed}
 */
export async function command(program: Program, args: readonly string[], input = ''): Promise<string> {
  const path = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
  const child = spawn(program, args, { env: { PATH: path, LC_ALL: 'C.UTF-8' }, stdio: 'pipe' });
  const ended = new Promise<string | undefined>((resolve, reject) => {
    child.once('error', (error) => {
      const missing = 'code' in error && error.code === 'ENOENT';
      reject(missing ? new MissingProgram(program, { cause: error }) : error);
    });
    child.once('close', (status, signal) => {
      if (status === 0) resolve(undefined);
      else resolve(signal === null ? `ended with status ${status}` : `died of ${signal}`);
    });
  });
  const wrote = new Promise<void>((resolve) => {
    // It may end without having read its input; then its status tells why.
    child.stdin.once('error', () => resolve());
    child.stdin.end(input, () => resolve());
  });
  const [failure, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr), wrote]);
  if (failure !== undefined) throw new CommandFailed(program, args, failure, errors);
  return output;
}
