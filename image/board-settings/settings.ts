import type { PublicKey } from '../../services/net/keys.ts';

/** What is a board's own on its card, and no secret: what the board file on `boot` says. */
export interface BoardSettings {
  /** Its host name, and its name in the rack: BOARD_NAME of services/net/membership.ts. */
  board: string;
  /** Undefined, or without an address: DHCP. */
  network: BoardNetwork | undefined;
  /** OpenSSH public keys, one line each, without options: who may log in. */
  sshKeys: string[];
  /** The one line of services/net/passphrase.ts; undefined is a console that asks for nothing. */
  consolePassphrase: string | undefined;
  /** Undefined is a board that belongs to no rack. */
  mesh: BoardMesh | undefined;
  /** Apps of the image that start by themselves beside the mesh's own, by name. Without arguments: those of the image. */
  apps: Record<string, { args: string[] | undefined }>;
  /** PEM certificates that an update's signer must lead to; undefined: the image's own. */
  updateKeys: string | undefined;
  /** X25519 public key, 64 hex digits: the secrets of a backup are sealed to it. */
  backupKey: string | undefined;
}

export interface BoardNetwork {
  /** Of the port that gets this network; undefined: the one wired port. */
  mac?: string;
  /** With the length of the network's prefix: `192.168.0.4/24`. */
  address?: string;
  gateway?: string;
  dns: string[];
  ntp: string[];
}

export interface BoardMesh {
  rack: PublicKey;
  /**
   * `HOST:PORT` of whoever the list makes a manager: a manager that was replaced is followed by that list alone.
   * `KEY@HOST:PORT` of that one and no other, as for a manager that is no member.
   */
  manager: string;
  /** `HOST:PORT` each: where the node takes links. */
  listen: string[];
  domain: string;
  /** The signed list, whole: services/net/membership.ts. */
  members: string;
}
