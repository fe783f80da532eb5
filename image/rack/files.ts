import { join } from 'node:path';

/** Where the parts of a rack lie in its folder. */
export interface RackFiles {
  folder: string;
  /** The rack's secret key, under a passphrase. */
  key: string;
  /** Its public half: one line of 64 hex digits. Never replaced, so it is also what is locked while the list is changed. */
  publicKey: string;
  /** The signed list of members. */
  members: string;
  /** The public halves of all keys, for people and programs to compare with. */
  lock: string;
}

export function rackFiles(folder: string): RackFiles {
  return {
    folder,
    key: join(folder, 'rack.key'),
    publicKey: join(folder, 'rack.pub'),
    members: join(folder, 'members'),
    lock: join(folder, 'rack.lock.yaml'),
  };
}

/** The identity of a board whose key was made here, until its card has it. @param board a checked name */
export function boardKeyFile(folder: string, board: string): string {
  return join(folder, 'boards', `${board}.key`);
}
