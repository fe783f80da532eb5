import * as z from 'zod/mini';
import { isHostName } from '../../../services/net/host-name.ts';
import { parseIp } from '../../../services/net/ip.ts';
import { BOARD_NAME, ROLES } from '../../../services/net/membership.ts';
import { APP_NAME } from '../../../services/viscript/config/file.ts';
import { DEFAULT_SUBNET, parseIpv4, parseSubnet } from './addresses.ts';

/** Boards of a rack at most: what a network of the usual size has room for. */
export const MAX_BOARDS = 250;

const text = (must: string, takes: (value: string) => boolean = () => true) =>
  z.string(must).check(z.refine(takes, must));

const list = <T extends z.core.$ZodType>(entry: T, what: string, most: number) =>
  z.array(entry, `must be a list of ${what}`).check(z.maxLength(most, `must have at most ${most} entries`));

const ARGUMENT = 'must be text of at most 4096 characters, without a NUL character';
const scalar = z.union(
  [text(ARGUMENT, (value) => value.length <= 4096 && !value.includes('\0')), z.number(), z.boolean()],
  ARGUMENT,
);

const boardName = text('must be the name of a board', (value) => BOARD_NAME.test(value));

const board = z.strictObject({
  address: z.optional(
    text(
      'must be an IPv4 address, or dhcp',
      (value) => value === 'dhcp' || parseIpv4(value) !== undefined,
    ).check(
      z.describe(
        "Its IPv4 address, or dhcp. Left out: that of the Skyminer's scheme (node1 is .2 in the network, node8 is .9), or dhcp where the network is that.",
      ),
    ),
  ),
  mac: z.optional(
    z.string('must be a hardware address such as 02:00:5e:10:00:01').check(
      z.regex(
        /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/,
        'must be a hardware address such as 02:00:5e:10:00:01',
      ),
      z.refine((value) => (Number.parseInt(value.slice(0, 2), 16) & 1) === 0, 'must be one board, no group'),
      z.describe('Hardware address of the port that gets the network; left out: the only wired port.'),
    ),
  ),
  roles: z.optional(
    list(z.enum(ROLES, `must be one of ${ROLES.join(', ')}`), 'roles', ROLES.length).check(
      z.minLength(1, 'must name a role'),
      z.describe('What it does in the mesh: node (when left out), manager, apptracker, gateway.'),
    ),
  ),
  listen: z.optional(
    list(z.string('must be HOST:PORT'), 'HOST:PORT', 8).check(
      z.minLength(1, 'must name an address'),
      z.describe('Where its node takes links; 0.0.0.0:5000 when left out.'),
    ),
  ),
});

const app = z.strictObject({
  args: z.optional(
    list(scalar, 'arguments', 64).check(
      z.describe("Its arguments; when left out those of the image's config.yaml."),
    ),
  ),
  boards: z.optional(
    list(boardName, 'boards', MAX_BOARDS).check(z.describe('Where it starts; on every board when left out.')),
  ),
});

/** `rack.yaml`, as it is written. */
export const rackSchema = z.strictObject({
  domain: z.optional(
    z
      .string('must be a name: letters, digits, "." and "-"')
      .check(
        z.regex(
          /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/,
          'must be a name: letters, digits, "." and "-"',
        ),
        z.describe('Name of the mesh, for people; rack.mesh when left out.'),
      ),
  ),
  network: z.optional(
    text(
      'must be an IPv4 network such as 192.168.0.0/24, from /8 to /30, or dhcp',
      (value) => value === 'dhcp' || parseSubnet(value) !== undefined,
    ).check(
      z.describe(`The network that the boards' addresses are of, or dhcp; ${DEFAULT_SUBNET} when left out.`),
    ),
  ),
  gateway: z.optional(
    text('must be an IPv4 address', (value) => parseIpv4(value) !== undefined).check(
      z.describe('The router to other networks.'),
    ),
  ),
  dns: z.optional(
    list(
      text('must be an IP address', (value) => parseIp(value) !== undefined),
      'IP addresses',
      8,
    ).check(z.describe('Servers of names.')),
  ),
  ntp: z.optional(
    list(
      text(
        'must be a host name or an IP address',
        (value) => isHostName(value) || parseIp(value) !== undefined,
      ),
      'host names or IP addresses',
      8,
    ).check(z.describe("Servers of time; those of the image's own when left out.")),
  ),
  boards: z
    .record(
      z
        .string()
        .check(
          z.regex(
            BOARD_NAME,
            'must be lower-case letters, digits and dashes, at most 63, with no dash at an end',
          ),
        ),
      z.nullable(board),
      'must be a map of boards',
    )
    .check(z.describe('The boards, by host name.')),
  manager: z
    .string('must be the name of a board, or KEY@HOST:PORT')
    .check(
      z.describe('Who manages the mesh: a board of this file, or KEY@HOST:PORT of a manager elsewhere.'),
    ),
  ssh_keys: z.optional(
    list(z.string('must be an OpenSSH public key, or a .pub file'), 'OpenSSH public keys', 64).check(
      z.describe('Who may log in: OpenSSH public keys without options, or .pub files, relative to this one.'),
    ),
  ),
  console_passphrase: z.optional(
    z
      .string("must be a line of 'skyminer passphrase'")
      .check(
        z.describe(
          "Asked for on the serial line: the line that 'skyminer passphrase' prints. Left out: nothing is asked.",
        ),
      ),
  ),
  apps: z.optional(
    z
      .nullable(
        z.record(
          z.string().check(z.regex(APP_NAME, 'must be the name of an app')),
          z.nullable(app),
          'must be a map of apps',
        ),
      )
      .check(z.describe("Apps of the image that start by themselves, beside those of the mesh's own.")),
  ),
  update_keys: z.optional(
    list(z.string('must be a file'), 'PEM files', 16).check(
      z.minLength(1, "must name a file; leave it out for the image's own"),
      z.describe(
        "PEM files of X.509 certificates, relative to this one: an update's signer must lead to one of them. Left out: the image's own.",
      ),
    ),
  ),
});

/** What the schema makes of the text. */
export type RawRack = z.infer<typeof rackSchema>;
