import { join } from 'node:path';

/** Where the parts of a rack lie in its folder. */
export interface RackFiles {
  folder: string;
  /** What the rack is to be, in its owner's words. */
  description: string;
  /** The rack's secret key, under a passphrase. */
  key: string;
  /** Its public half: one line of 64 hex digits. Never replaced, so it is also what is locked while the list is changed. */
  publicKey: string;
  /** The public key that backups are sealed to: one line of 64 hex digits. Its secret half follows from the rack's key. */
  backupKey: string;
  /** The signed list of members. */
  members: string;
  /** The public halves of all keys, for people and programs to compare with. */
  lock: string;
  /** Of OpenSSH: the boards' host keys, and how to reach them. */
  knownHosts: string;
  sshConfig: string;
}

export function rackFiles(folder: string): RackFiles {
  return {
    folder,
    description: join(folder, 'rack.yaml'),
    key: join(folder, 'rack.key'),
    publicKey: join(folder, 'rack.pub'),
    backupKey: join(folder, 'backup.pub'),
    members: join(folder, 'members'),
    lock: join(folder, 'rack.lock.yaml'),
    knownHosts: join(folder, 'known_hosts'),
    sshConfig: join(folder, 'ssh_config'),
  };
}

/** The identity of a board whose key was made here, until its card has it. @param board a checked name */
export function boardKeyFile(folder: string, board: string): string {
  return join(folder, 'boards', `${board}.key`);
}

/** Its SSH host key, until its card has it. @param board a checked name */
export function hostKeyFile(folder: string, board: string): string {
  return join(folder, 'boards', `${board}.ssh_host_ed25519_key`);
}
