import { DEFAULT_SUBNET, formatIpv4, parseIpv4 } from './addresses.ts';

/** What a new `rack.yaml` is to say. */
export interface Initial {
  /** At most 250: their addresses are from .2 on. */
  boards: number;
  /** OpenSSH public keys, each one line. */
  sshKeys: readonly string[];
  /** The JSON Schema as an editor finds it from the rack's folder. */
  schema: string;
}

/** The text of a `rack.yaml` with the addresses of a Skyminer, whose first board manages the rack. */
export function initialRackFile({ boards, sshKeys, schema }: Initial): string {
  const keys = sshKeys.length === 0 ? ' []' : sshKeys.map((key) => `\n  - ${JSON.stringify(key)}`).join('');
  return `# yaml-language-server: $schema=${schema}
#
# A rack, for 'skyminer rack check' and 'skyminer provision'. All that it can say is in docs/rack-file.md.

# Name of the mesh, for people.
domain: rack.mesh

# The network of the boards: their addresses are of it. With "network: dhcp" they get them from your router, and gateway
# and addresses are left out.
network: ${DEFAULT_SUBNET}
gateway: 192.168.0.1
dns: [192.168.0.1]
# Servers of time; with none the image's own are asked.
ntp: []

# Host names, and what each board does in the mesh: node, manager, apptracker, gateway.
boards:
${boardLines(boards)}

# The board that the others ask for their links and routes; or KEY@HOST:PORT of a manager elsewhere.
manager: node1

# Who may log in over SSH: OpenSSH public keys, or .pub files beside this one.
ssh_keys:${keys}

# What the serial console asks for; the line comes from 'skyminer passphrase'. Without it the console asks for nothing.
# console_passphrase: scrypt N 8 P SALT HASH

# Apps of the image that start by themselves, on all boards or on those that are named.
# apps:
#   meshnet-socks-server:
#     args: [sockssrv0, /run/skywire/node.sock]
#     boards: [node2]

# Whose updates the boards install: files of X.509 certificates beside this one. Without them those of the image.
# update_keys: [updates.pem]
`;
}

function boardLines(count: number): string {
  const first = (parseIpv4(DEFAULT_SUBNET.split('/', 1)[0] ?? '') ?? 0) + 2;
  const lines = Array.from({ length: count }, (_, index) => {
    const roles = index === 0 ? 'node, manager, apptracker' : 'node';
    return `  node${index + 1}: {address: ${formatIpv4(first + index)}, roles: [${roles}]}`;
  });
  return lines.join('\n');
}
