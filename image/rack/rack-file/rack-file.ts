import type { PublicKey } from '../../../services/net/keys.ts';
import type { Role } from '../../../services/net/membership.ts';
import type { Subnet } from './addresses.ts';

/** What `rack.yaml` says, files that it names included, defaults filled in. */
export interface RackFile {
  /** Name of the mesh, for people. */
  domain: string;
  network: RackNetwork;
  /** By name, in the order of the file. */
  boards: ReadonlyMap<string, RackBoard>;
  /** The board of this rack that manages it, and its IPv4 address; or a manager elsewhere, at HOST:PORT. */
  manager: { board: string; host: string } | { key: PublicKey; address: string };
  /** OpenSSH public keys, each one line without options. */
  sshKeys: string[];
  /** One line of services/net/passphrase.ts, without its line end. */
  consolePassphrase: string | undefined;
  /** By name. */
  apps: ReadonlyMap<string, RackApp>;
  /** Certificates, PEM, one after the other. */
  updateKeys: string | undefined;
}

export interface RackNetwork {
  /** Undefined: all by DHCP. */
  subnet: Subnet | undefined;
  gateway: string | undefined;
  dns: string[];
  ntp: string[];
}

export interface RackBoard {
  /** In the order of `ROLES`, each once. */
  roles: Role[];
  /** IPv4; undefined: by DHCP. */
  address: string | undefined;
  /** Lower case. */
  mac: string | undefined;
  /** `HOST:PORT` each. */
  listen: string[];
}

export interface RackApp {
  /** Undefined: those of the image. */
  args: string[] | undefined;
  /** Undefined: on all. */
  boards: string[] | undefined;
}
