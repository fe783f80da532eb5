import { spawn } from 'node:child_process';
import { quoteWord } from './terminal/words.ts';

/** Runs a command, or the terminal, on another board over SSH. @returns ssh's exit status, which is the command's */
export function runRemote(host: string, argv: readonly string[]): Promise<number> {
  const target = host.includes('@') ? host : `viscript@${host}`;
  const command = argv.length > 0 ? [argv.map(quoteWord).join(' ')] : [];
  const terminal = argv.length === 0 && process.stdin.isTTY ? ['-t'] : [];
  const ssh = spawn('ssh', [...terminal, '--', target, ...command], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    ssh.once('error', (error) =>
      reject(new Error(`cannot run ssh: ${error.message}; install OpenSSH's client`)),
    );
    ssh.once('exit', (code) => resolve(code ?? 1));
  });
}
