import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';

/** OpenSSH's agent, which holds a person's keys for who knows its socket. */
export class SshAgent implements AsyncDisposable {
  readonly socket: string;
  readonly #child;

  private constructor(socket: string) {
    this.socket = socket;
    this.#child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** @param socket path of at most 107 bytes */
  static async start(socket: string): Promise<SshAgent> {
    const agent = new SshAgent(socket);
    await once(agent.#child.stdout, 'data');
    return agent;
  }

  /** @param file a secret key without a passphrase */
  async add(file: string): Promise<void> {
    const child = spawn('ssh-add', ['-q', file], {
      env: { ...process.env, SSH_AUTH_SOCK: this.socket },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    expect((await once(child, 'exit'))[0]).toBe(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
