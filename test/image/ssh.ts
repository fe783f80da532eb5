import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../../image/run.ts';

export interface SshAnswer {
  status: number;
  stdout: string;
  stderr: string;
}

/** A key pair of a person, made for the tests. */
export interface Key {
  file: string;
  publicFile: string;
}

export async function makeKey(folder: string, name: string): Promise<Key> {
  const file = join(folder, name);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  return { file, publicFile: `${file}.pub` };
}

/** OpenSSH's client, with nothing of the person's own configuration, keys and known hosts. */
export class Ssh {
  readonly port: number;
  readonly #key: string;
  readonly #knownHosts: string;

  constructor(port: number, key: string, knownHosts: string) {
    this.port = port;
    this.#key = key;
    this.#knownHosts = knownHosts;
  }

  /** Options that `ssh`, `scp` and `sftp` share. */
  options(): string[] {
    const settings = {
      ...{ IdentityFile: quoted(this.#key), IdentitiesOnly: 'yes', IdentityAgent: 'none' },
      ...{
        UserKnownHostsFile: quoted(this.#knownHosts),
        StrictHostKeyChecking: 'yes',
        HostKeyAlias: 'board',
      },
      ...{ BatchMode: 'yes', ConnectTimeout: '60', LogLevel: 'ERROR' },
    };
    return ['-F', 'none', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
  }

  /** Runs `ssh USER@board COMMAND…`; the status 255 is ssh's own. */
  run(
    user: string,
    command: readonly string[],
    { input = '', more = [] }: { input?: string; more?: readonly string[] } = {},
  ): Promise<SshAnswer> {
    return program(
      'ssh',
      [...this.options(), ...more, '-p', String(this.port), `${user}@127.0.0.1`, ...command],
      input,
    );
  }

  /** What `ssh USER@board COMMAND…` writes, byte by byte, with nothing to read. Rejects when its status is not 0. */
  async bytes(user: string, command: readonly string[]): Promise<Buffer> {
    const args = [...this.options(), '-n', '-p', String(this.port), `${user}@127.0.0.1`, ...command];
    const { stdout } = await promisify(execFile)('ssh', args, {
      encoding: 'buffer',
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  /** Runs a batch of sftp's commands. */
  sftp(user: string, batch: string): Promise<SshAnswer> {
    return program(
      'sftp',
      [...this.options(), '-b', '-', '-P', String(this.port), `${user}@127.0.0.1`],
      batch,
    );
  }
}

function program(command: string, args: string[], input: string): Promise<SshAnswer> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, (error, stdout, stderr) => {
      if (error === null) resolve({ status: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ status: error.code, stdout, stderr });
      else reject(error);
    });
    // A program that ends without reading its input has told why by its status.
    child.stdin?.on('error', () => child.stdin?.destroy());
    child.stdin?.end(input);
  });
}

/** A path in an option of ssh, which otherwise ends at a space. */
function quoted(path: string): string {
  return `"${path}"`;
}
