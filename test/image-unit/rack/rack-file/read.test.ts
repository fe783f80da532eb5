import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeRack } from '../../../../image/rack/rack-file/read.ts';
import { Identity } from '../../../../services/net/keys.ts';
import { hashPassphrase } from '../../../../services/net/passphrase.ts';
import { newHostKey } from '../../../../services/net/ssh/host-key.ts';
import { InvalidFile } from '../../../../services/yaml/index.ts';
import { fuzzRuns } from '../../../fuzz.ts';

const key = newHostKey('').publicLine;
const manager = 'boards: {node1: {roles: [manager]}, node2: }\nmanager: node1\n';

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rack file '));
  file = join(folder, 'rack.yaml');
  const options = ['-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=Updates', '-days', '2'];
  const files = ['-keyout', join(folder, 'secret.pem'), '-out', join(folder, 'updates.pem')];
  execFileSync('openssl', ['req', ...options, ...files], { stdio: 'pipe' });
  await writeFile(join(folder, 'owners.pub'), `# two\n${key} ann\n\n${key} bob\n`);
  await writeFile(join(folder, 'bad.pub'), `command="x" ${key}\n`);
  await writeFile(join(folder, 'empty.pub'), '\n');
  await writeFile(join(folder, 'none.pem'), 'nothing\n');
  const [head, end] = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'];
  await writeFile(join(folder, 'torn.pem'), `${head}\nMIIBAAAA\n${end}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

/** The lines of the error that a text gives, without the file's name. */
async function problemsIn(text: string): Promise<string[]> {
  try {
    await describeRack(text, file);
  } catch (error) {
    if (!(error instanceof InvalidFile)) throw error;
    return error.message.split('\n').map((line) => line.replace(`${file}:`, ''));
  }
  return [];
}

describe('rack.yaml', () => {
  it('says all of a rack', async () => {
    const elsewhere = Identity.generate().publicKey;
    const hash = (await hashPassphrase('correct horse', { N: 2 ** 14, r: 8, p: 1 })).trim();
    const text = `domain: my.mesh
network: 10.1.0.0/16
gateway: 10.1.0.1
dns: [10.1.0.1, "fd00::1"]
ntp: [ntp.example.org, 10.1.0.1]
manager: ${elsewhere}@192.0.2.1:5999
ssh_keys: ["${key} laptop", owners.pub]
console_passphrase: ${hash}
update_keys: [updates.pem]
boards:
  alpha: {address: 10.1.2.3, mac: 02:00:5E:10:00:01, roles: [gateway, node], listen: [0.0.0.0:4000]}
  beta: {address: dhcp}
apps:
  meshnet-socks-server: {args: [socks, 010, true], boards: [beta]}
  meshnet-echo:
`;
    expect((await describeRack(text, file)).rack).toEqual({
      domain: 'my.mesh',
      network: {
        subnet: expect.objectContaining({ text: '10.1.0.0/16' }),
        gateway: '10.1.0.1',
        dns: ['10.1.0.1', 'fd00::1'],
        ntp: ['ntp.example.org', '10.1.0.1'],
      },
      boards: new Map([
        [
          'alpha',
          {
            address: '10.1.2.3',
            mac: '02:00:5e:10:00:01',
            roles: ['node', 'gateway'],
            listen: ['0.0.0.0:4000'],
          },
        ],
        ['beta', { address: undefined, mac: undefined, roles: ['node'], listen: ['0.0.0.0:5000'] }],
      ]),
      manager: { key: elsewhere, address: '192.0.2.1:5999' },
      sshKeys: [`${key} laptop`, `${key} ann`, `${key} bob`],
      consolePassphrase: hash,
      apps: new Map([
        ['meshnet-socks-server', { args: ['socks', '010', 'true'], boards: ['beta'] }],
        ['meshnet-echo', { args: undefined, boards: undefined }],
      ]),
      updateKeys: await readFile(join(folder, 'updates.pem'), 'utf8'),
    });
  });

  it("needs little: the Skyminer's own addresses are those of its eight boards", async () => {
    const { boards, network, domain, manager: who } = (await describeRack(manager, file)).rack;
    expect([...boards].map(([name, { address }]) => [name, address])).toEqual([
      ['node1', '192.168.0.2'],
      ['node2', '192.168.0.3'],
    ]);
    expect(network).toMatchObject({ subnet: { text: '192.168.0.0/24' }, gateway: undefined });
    expect([domain, who]).toEqual(['rack.mesh', { board: 'node1', host: '192.168.0.2' }]);
  });

  it('tells everything wrong at once, with its place', async () => {
    const text = `network: 192.168.0.0/24
gateway: 192.168.1.1
boards:
  node1: {address: 192.168.0.1, role: [node]}
  node2: {address: 192.168.0.300}
  Node3: {}
  node4: {address: 192.168.0.1, mac: 01:00:00:00:00:00}
manager: nod1
ssh_keys: [x.pub]
apps: {meshnet-eco: {boards: [node5]}}
`;
    expect(await problemsIn(text)).toEqual([
      '2:10: gateway 192.168.1.1 is outside of 192.168.0.0/24',
      '4:33: unknown key "role": did you mean roles?',
      '5:20: boards.node2.address must be an IPv4 address, or dhcp, not "192.168.0.300"',
      '6:3: boards.Node3 must be lower-case letters, digits and dashes, at most 63, with no dash at an end',
      '6:10: boards.Node3 has no "address": give one in 192.168.0.0/24, or dhcp',
      '7:20: boards.node4.address 192.168.0.1 is that of node1: each board has one of its own',
      '7:38: boards.node4.mac must be the hardware address of one port, such as 02:81:00:12:34:56, not "01:00:00:00:00:00"',
      '8:10: manager names "nod1", which is no board of this file; did you mean node1?',
      expect.stringMatching(/^9:12: ssh_keys\[1\]: .*x\.pub: cannot be read: ENOENT/),
      '10:8: apps.meshnet-eco is no app of the image; did you mean meshnet-echo?',
      '10:31: apps.meshnet-eco.boards names "node5", which is no board of this file; did you mean node1?',
    ]);
  });

  it.each([
    ['an empty file', '', '1:1: the file must be a map with keys of domain, network'],
    ['no boards', 'manager: node1', '1:1: the file has no "boards"'],
    ['no manager', 'boards: {node1: }', '1:1: the file has no "manager"'],
    [
      'a list of boards',
      'boards: [node1]\nmanager: node1',
      '1:9: boards must be a map of boards, not a list',
    ],
    [
      'a network with a board in it',
      `${manager}network: 192.168.0.1/24`,
      '3:10: network must be an IPv4 network',
    ],
    ['a network of no room', `${manager}network: 10.0.0.0/31`, '3:10: network must be an IPv4 network'],
    [
      'a role that is none',
      'boards: {node1: {roles: [manger]}}\nmanager: node1',
      '1:26: boards.node1.roles[1] must be',
    ],
    ['no role', 'boards: {node1: {roles: []}}\nmanager: node1', '1:25: boards.node1.roles must name a role'],
    [
      'a manager without its role',
      'boards: {node1: {roles: [node]}}\nmanager: node1',
      '1:25: node1 is the manager, and its roles have no manager',
    ],
    [
      'a manager that nobody finds',
      'boards: {node1: {address: dhcp, roles: [manager]}}\nmanager: node1',
      '2:10: manager node1 has no fixed address',
    ],
    [
      'a manager that nobody finds by DHCP',
      `network: dhcp\n${manager}`,
      '3:10: manager node1 has no fixed address',
    ],
    [
      'a manager with a short key',
      'boards: {node1: }\nmanager: abc@h:1',
      '2:10: manager must be HOST:PORT, or KEY@HOST:PORT',
    ],
    [
      'a manager without a port',
      `boards: {node1: }\nmanager: ${'a'.repeat(64)}@host`,
      '2:10: manager must be HOST:PORT, or KEY@HOST:PORT',
    ],
    [
      'an address under DHCP',
      'network: dhcp\nboards: {b: {address: 10.0.0.1}}\nmanager: b',
      '2:23: boards.b.address needs a network',
    ],
    ['a gateway under DHCP', 'network: dhcp\ngateway: 10.0.0.1', '2:1: gateway comes by DHCP'],
    [
      'the address of the gateway',
      `${manager}gateway: 192.168.0.3`,
      '1:37: boards.node2.address 192.168.0.3 is that of the gateway',
    ],
    [
      'the broadcast address',
      'boards: {b: {address: 192.168.0.255}}',
      '1:23: boards.b.address 192.168.0.255 is the broadcast',
    ],
    [
      'the network address',
      'boards: {b: {address: 192.168.0.0}}',
      '1:23: boards.b.address 192.168.0.0 is the address of the network',
    ],
    [
      'one port of two boards',
      'boards: {a: {mac: 02:00:00:00:00:aa}, b: {mac: 02:00:00:00:00:AA}}',
      '1:48: boards.b.mac 02:00:00:00:00:AA is that of a',
    ],
    [
      'a bad listening address',
      'boards: {a: {listen: [x]}}',
      '1:23: boards.a.listen[1] must be ADDRESS:PORT',
    ],
    ['a name server by name', `${manager}dns: [ns.example.org]`, '3:7: dns[1] must be an IP address'],
    [
      'a time server with a port',
      `${manager}ntp: ["ntp:123"]`,
      '3:7: ntp[1] must be a host name or an IP address',
    ],
    [
      'options before a key',
      `${manager}ssh_keys: ['no-pty ${key}']`,
      '3:12: ssh_keys[1] has options before the key',
    ],
    ['a private key file', `${manager}ssh_keys: [id_ed25519]`, '3:12: ssh_keys[1] is no OpenSSH public key'],
    [
      'a file with options before a key',
      `${manager}ssh_keys: [bad.pub]`,
      'bad.pub: has options before the key',
    ],
    ['a file without a key', `${manager}ssh_keys: [empty.pub]`, 'empty.pub: holds no key'],
    [
      'a passphrase in the clear',
      `${manager}console_passphrase: hunter2`,
      "3:21: it is not one line of the form 'scrypt",
    ],
    [
      'an app started by roles',
      `${manager}apps: {meshnet-node: }`,
      '3:8: apps.meshnet-node is started by the roles',
    ],
    [
      'arguments that are one text',
      `${manager}apps: {meshnet-echo: {args: x}}`,
      '3:29: apps.meshnet-echo.args must be a list',
    ],
    [
      'an argument with NUL',
      `${manager}apps: {meshnet-echo: {args: ["\\0"]}}`,
      '3:30: apps.meshnet-echo.args[1] must not contain control',
    ],
    ['update keys that are missing', `${manager}update_keys: [no.pem]`, 'no.pem: cannot be read: ENOENT'],
    ['update keys that are none', `${manager}update_keys: [none.pem]`, 'none.pem: holds no certificate'],
    [
      'update keys that are damaged',
      `${manager}update_keys: [torn.pem]`,
      'torn.pem: holds a certificate that is damaged',
    ],
    ['a secret update key', `${manager}update_keys: [secret.pem]`, 'secret.pem: holds a secret key'],
    ['no update key', `${manager}update_keys: []`, '3:14: update_keys must name a file'],
    [
      'too many keys',
      `${manager}ssh_keys: [${'k,'.repeat(65)}]`,
      '3:11: ssh_keys must have at most 64 entries',
    ],
    [
      'too many boards',
      `boards:\n${Array.from({ length: 251 }, (_, at) => `  b${at}:\n`).join('')}`,
      '1:1: 251 boards: at most 250',
    ],
    [
      'too many apps',
      `${manager}apps:\n${Array.from({ length: 65 }, (_, at) => `  b${at}:\n`).join('')}`,
      '3:1: 65 apps: at most 64',
    ],
  ])('says what is wrong with %s', async (_, text, expected) => {
    const lines = (await problemsIn(text)).filter((line) => line.includes(expected));
    expect(lines, (await problemsIn(text)).join('\n')).toHaveLength(1);
  });

  it('takes a manager by DHCP that is elsewhere, and network, names and time for boards by DHCP', async () => {
    const text = `network: dhcp\ndns: [10.0.0.1]\nboards: {a: }\nmanager: ${'a'.repeat(64)}@manager.example.org:5999\n`;
    const { network, boards } = (await describeRack(text, file)).rack;
    expect([network.subnet, network.dns, boards.get('a')?.address]).toEqual([
      undefined,
      ['10.0.0.1'],
      undefined,
    ]);
  });

  it('throws nothing but its error, whatever comes', async () => {
    const piece = fc.constantFrom(
      ...[
        'boards:',
        '\n  node1: ',
        '\n  node2: ',
        '{address: 192.168.0.2}',
        '{roles: [manager]}',
        '\n',
        ' ',
        '- ',
      ],
      ...[
        'manager: node1',
        'manager: a@b:1',
        'network: dhcp',
        'network: 10.0.0.0/30',
        'gateway: 10.0.0.1',
        'x',
      ],
      ...[
        'ssh_keys: [x.pub, ssh-rsa AA]',
        'update_keys: [x]',
        'apps:',
        '\n  meshnet-echo: ',
        '{boards: [node1]}',
      ],
      ...[
        '*a',
        '&a ',
        '[',
        ']',
        '{',
        '}',
        ',',
        '\0',
        '"',
        '__proto__: 1',
        'constructor: ',
        '~',
        '1',
        'listen: [1]',
      ],
    );
    const almost = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));
    const anyValue = fc.jsonValue({ maxDepth: 2 });
    const rightKeys = fc
      .record(
        {
          ...{ boards: fc.dictionary(fc.constantFrom('node1', 'a', 'B'), anyValue), manager: anyValue },
          ...{ network: anyValue, gateway: anyValue, dns: anyValue, ntp: anyValue, apps: anyValue },
          ...{ ssh_keys: anyValue, update_keys: anyValue, console_passphrase: anyValue, domain: anyValue },
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value));
    const property = fc.asyncProperty(fc.oneof(almost, rightKeys, fc.string()), async (text) => {
      try {
        await describeRack(text, file);
      } catch (error) {
        if (!(error instanceof InvalidFile)) throw error;
        const placeless = error.problems.filter(
          ({ line, column, message }) => line < 1 || column < 1 || message === '',
        );
        expect(placeless).toEqual([]);
      }
    });
    await fc.assert(property, fuzzRuns('rack-file', 1_000));
  });
});
