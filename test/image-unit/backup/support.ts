import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Identity } from '../../../services/net/keys.ts';
import { signMembership } from '../../../services/net/membership.ts';
import { dhKeyPair } from '../../../services/net/noise/x25519.ts';
import { hashPassphrase } from '../../../services/net/passphrase.ts';
import { newHostKey } from '../../../services/net/ssh/host-key.ts';

const program = join(import.meta.dirname, '../../../image/backup/main.ts');

/** A board's files as systemd hands them over, and who owns its rack. */
export interface BoardRig {
  rack: Identity;
  board: Identity;
  backupKey: ReturnType<typeof dhKeyPair>;
  folder: string;
  files: Record<string, string>;
}

export async function boardRig(changes: Record<string, string> = {}): Promise<BoardRig> {
  const scratch = await mkdtemp(join(tmpdir(), 'backup-'));
  onTestFinished(() => rm(scratch, { recursive: true }));
  const folder = join(scratch, 'credentials');
  await mkdir(folder);
  const [rack, board, backupKey] = [Identity.generate(), Identity.generate(), dhKeyPair()];
  const hostKey = newHostKey('');
  const member = { board: 'node3', key: board.publicKey, roles: ['node'] as const };
  const files = {
    'identity.key': `${board.secretKey.toString('hex')}\n`,
    rack: `${rack.publicKey}\n`,
    members: signMembership(rack, 4, [member]),
    'mesh.yaml': 'board: node3\nmanager: 192.168.0.2:5999\n',
    backup_key: `${backupKey.publicKey.toString('hex')}\n`,
    ssh_host_ed25519_key: hostKey.secret,
    'ssh_host_ed25519_key.pub': `${hostKey.publicLine}\n`,
    console_passphrase: await hashPassphrase('a long passphrase', { N: 2 ** 14, r: 8, p: 1 }),
    'board.yaml': 'board: node3\n',
    ...changes,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return { rack, board, backupKey, folder, files };
}

/** Listens as viscript-backup.socket does, the program itself at the other end of each connection. @returns its path */
export async function listenForBackups({ folder }: BoardRig): Promise<string> {
  const path = join(folder, '..', 'backup.sock');
  const children = new Set<Promise<unknown>>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const child = spawn(process.execPath, [program], {
      env: { PATH: process.env.PATH, CREDENTIALS_DIRECTORY: folder },
      stdio: [socket, socket, 'inherit'],
    });
    const over = new Promise((resolve) => child.once('close', resolve));
    children.add(over);
    child.once('spawn', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(async () => {
    await new Promise((resolve) => server.close(resolve));
    await Promise.all(children);
  });
  return path;
}
