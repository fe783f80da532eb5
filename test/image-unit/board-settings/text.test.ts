import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { formatBoardFile, readBoardFile } from '../../../image/board-settings/text.ts';
import { Identity } from '../../../services/net/keys.ts';
import { signMembership } from '../../../services/net/membership.ts';
import { InvalidFile } from '../../../services/yaml/index.ts';
import { certificate, madeUp, PASSPHRASE_HASH, SSH_KEY, sshBlob, sshKey } from './made-up.ts';

const { settings, identity, rack } = await madeUp();
const members = settings.mesh?.members ?? '';
const mesh = { rack: rack.publicKey, manager: `${identity.publicKey}@192.168.0.2:5999`, members };

describe('a board file', () => {
  it('gives back every setting that was written', () => {
    expect(readBoardFile(formatBoardFile(settings))).toEqual(settings);
  });

  it('gives back a board that has little', () => {
    const little = {
      ...{ board: 'a', network: undefined, sshKeys: [], consolePassphrase: undefined, mesh: undefined },
      ...{ apps: {}, updateKeys: undefined, backupKey: undefined },
    };
    expect(readBoardFile(formatBoardFile(little))).toEqual(little);
    expect(readBoardFile('board: a')).toEqual(little);
  });

  it('ends with the SHA-256 of all bytes before that line', () => {
    const text = formatBoardFile(settings);
    const [, before = '', sum] = /^([\s\S]*)# sha256 ([0-9a-f]{64})\n$/.exec(text) ?? [];
    expect(sum).toBe(createHash('sha256').update(before).digest('hex'));
  });

  it('is refused when it was changed and its last line left, and says what to do', () => {
    const changed = formatBoardFile(settings).replace('board: node4', 'board: node5');
    const line = changed.trimEnd().split('\n').length;
    expect(problemsOf(changed)).toMatch(
      new RegExp(`^board.yaml:${line}:1: .*delete the last line when you have edited the file`),
    );
    expect(readBoardFile(changed.replace(/# sha256.*\n$/, '').replaceAll('node5', 'node4'))).toEqual(
      settings,
    );
  });

  it('is refused when it was cut off in the list of members, which comes last', () => {
    const text = formatBoardFile(settings);
    const end = text.lastIndexOf('# sha256');
    for (let length = text.indexOf('mesh:') + 5; length < end - 1; length += 13)
      expect(() => readBoardFile(text.slice(0, length)), `${length}`).toThrow(InvalidFile);
    expect(readBoardFile(text.slice(0, end))).toEqual(settings);
  });

  it('says nothing of a board when it is comments alone', () => {
    expect(readBoardFile('# board: node4\n\n   # and more\n')).toBeUndefined();
  });

  it('is refused when it is empty, or as empty as a card that lost it', () => {
    for (const text of ['', '\n \n', '\0'.repeat(4096)]) expect(problemsOf(text)).toContain('is empty');
  });

  it('is refused when a part of it is lost', () => {
    const text = formatBoardFile(settings).replace(/# sha256.*/, '');
    expect(problemsOf(`${text.slice(0, 512)}${'\0'.repeat(512)}${text.slice(1024)}`)).toContain('is damaged');
  });

  it('may have come through a Windows editor', () => {
    const text = formatBoardFile(settings);
    const windows = `\ufeff${text.replaceAll('\n', '\r\n')}`;
    expect(readBoardFile(Buffer.from(windows))).toEqual(settings);
    expect(readBoardFile(windows.trimEnd())).toEqual(settings);
  });

  it('is refused in another encoding than UTF-8', () => {
    const utf16 = Buffer.from(`\ufeff${formatBoardFile(settings)}`, 'utf16le');
    expect(() => readBoardFile(utf16)).toThrow(/UTF-8/);
  });

  it('tells everything that is wrong at once, each with its place', () => {
    const text =
      'board: Node_4\nbackup_keys: x\nnetwork:\n  address: 192.168.0.4\n  dns: [192.168.0.1, nowhere]\n';
    expect(problemsOf(text).split('\n')).toEqual([
      expect.stringMatching(/^board\.yaml:1:8: board must be a host name/),
      'board.yaml:2:1: unknown key "backup_keys": did you mean backup_key?',
      expect.stringMatching(/^board\.yaml:4:12: network\.address must be ADDRESS\/BITS/),
      expect.stringMatching(/^board\.yaml:5:22: network\.dns\[2\] must be an IP address, not "nowhere"/),
    ]);
  });

  it('never repeats what may be a passphrase', () => {
    expect(problemsOf('board: a\nconsole_passphrase: correct horse\n')).not.toContain('horse');
  });
});

const strange = ['a\nb', 'a"b', "a'b", '$(reboot)', '`reboot`', '%i', '%%', 'a;b', '../x', '\u0007', ''];
/** Where `$(…)`, quotes and `%` are no more than letters: comments of keys, and arguments. */
const wrong: [field: string, value: unknown, what: RegExp][] = [
  ...strange.map((board): [string, unknown, RegExp] => ['board', board, /board must be a host name/]),
  ['board', 'a'.repeat(64), /host name/],
  ['board', ['a'], /must be text, not a list/],
  ['network', [], /network must be a map with keys of mac, address/],
  ...each('network.mac', ['01:00:00:00:00:01', '00:00:00:00:00:00', '02-81-00-12-34-56'], /hardware address/),
  ...each('network.address', ['192.168.0.0/24', '192.168.0.255/24', '0.0.0.0/8'], /ADDRESS\/BITS/),
  ...each('network.address', ['192.168.0.4/33', '127.0.0.1/8', '224.0.0.1/24', '::/64'], /ADDRESS\/BITS/),
  ...each('network.address', ['fe80::1%eth0/64', 'ff02::1/64', '192.168.0.4/24/1'], /ADDRESS\/BITS/),
  ...each('network.gateway', ['192.168.1.1', '192.168.0.4', '2001:db8::1'], /another address of the network/),
  ...each('network.gateway', ['router'], /must be an IP address/),
  ['network.dns', Array(9).fill('192.0.2.1'), /at most 8/],
  ...each('network.dns[0]', ['dns.example.org', 'fe80::1%eth0'], /IP address/),
  ...each('network.ntp[0]', ['-a', 'a..b', '192.168.0.300', 'a b', 'fe80::1%eth0'], /host name or an IP/),
  ['ssh_keys', Array(65).fill(SSH_KEY), /at most 64/],
  ...each('ssh_keys[0]', [`command="reboot" ${SSH_KEY}`, `no-pty ${SSH_KEY}`], /options before the key/),
  ...each('ssh_keys[0]', [`${SSH_KEY}\nssh-ed25519 AAAA`, `${SSH_KEY}\u0007x`], /not one line of text/),
  ...each('ssh_keys[0]', ['ssh-ed25519 AAAA', SSH_KEY.replace('ssh-ed25519', 'ssh-rsa')], /is damaged/),
  ['ssh_keys[0]', `ssh-dss ${sshBlob('ssh-dss', 'x')}`, /is no OpenSSH public key/],
  [
    'ssh_keys[0]',
    `ssh-rsa ${sshBlob('ssh-rsa', Buffer.of(1, 0, 1), Buffer.alloc(128, 0xff))}`,
    /RSA needs 2048/,
  ],
  ...each(
    'console_passphrase',
    ['secret', PASSPHRASE_HASH.replace('16384', '2'), `${PASSPHRASE_HASH}\nx`],
    /print/,
  ),
  ...each('mesh.rack', ['AB'.repeat(32), 'ab', ...strange], /64 hex digits/),
  ...each(
    'mesh.manager',
    [mesh.manager.slice(64), `${'ab'.repeat(3)}@h:1`, `${mesh.rack}@h`, 'h', ':5999', '192.168.0.2'],
    /HOST:PORT, or KEY@HOST:PORT/,
  ),
  ...each(
    'mesh.manager',
    strange.flatMap((host) => [`${mesh.rack}@${host}:5999`, `${host}:5999`]),
    /KEY@HOST:PORT/,
  ),
  ['mesh.listen', [], /at least one address/],
  ...each('mesh.listen[0]', ['board:5000', '5000', '0.0.0.0:0', '0.0.0.0:65536', ...strange], /ADDRESS:PORT/),
  ...each('mesh.domain', strange, /letters, digits, dashes and dots/),
  ['mesh.members', '', /the list that the rack has signed/],
  ['mesh.members', members.replace('node4', 'node5'), /signature is not that of the rack/],
  ['mesh.members', signMembership(Identity.generate(), 3, []), /of another rack/],
  ['mesh.members', signMembership(rack, 9, []), /list number 9, has no board "node4"/],
  ['apps', { 'a/b': null }, /must be the name of an app/],
  ['apps', { [strange[3] ?? '']: null }, /must be the name of an app/],
  ['apps', Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`a${at}`, null])), /at most 256/],
  ['apps.a', { path: '/bin/sh' }, /unknown key "path"/],
  ...each('apps.a.args[0]', ['a\nb', '\u0007', '\0', 'x'.repeat(5000)], /must/),
  ['update_keys', 'x', /PEM certificates/],
  ['update_keys', (await certificate()).replace(/M/g, 'N'), /damaged/],
  ['update_keys', `${await certificate()}$(reboot)\n`, /no other text/],
  ['update_keys', (await certificate()).replaceAll('CERTIFICATE', 'PRIVATE KEY'), /private key: take it out/],
  ...each('backup_key', ['ab', 'zz'.repeat(32), ...strange], /64 hex digits/),
  ['surprise', 1, /unknown key "surprise"/],
];

describe('a board file with a field that is wrong', () => {
  it.each(wrong)('is refused with %s: %j', (field, value, what) => {
    const file: Record<string, unknown> = {
      board: 'node4',
      network: {
        mac: '02:81:00:12:34:56',
        address: '192.168.0.4/24',
        gateway: '192.168.0.1',
        dns: [],
        ntp: [],
      },
      ssh_keys: [],
      mesh: structuredClone({ ...mesh, listen: ['0.0.0.0:5000'] }),
      apps: { a: { args: [] } },
    };
    expect(() => readBoardFile(stringify(file, { aliasDuplicateObjects: false }))).not.toThrow();
    put(file, field, value);
    const problems = problemsOf(stringify(file, { aliasDuplicateObjects: false }));
    expect(problems).toMatch(what);
    for (const line of problems.split('\n')) expect(line).toMatch(/^board\.yaml:\d+:\d+: /);
    expect(problems).not.toMatch(/[\p{Cc}--\n]/v);
  });

  it('takes what is unusual but right', () => {
    const usual = { board: 'node4' };
    const right: [string, unknown][] = [
      ['network', { address: '2001:db8::4/64', gateway: 'fe80::1' }],
      ['network', { address: '10.0.0.4/31', gateway: '10.0.0.5' }],
      ['network', { dns: ['192.0.2.53'] }],
      ['ssh_keys', [sshKey('$(reboot) `x` "%i" ü'), SSH_KEY.split(' ').slice(0, 2).join(' ')]],
      ['console_passphrase', `${PASSPHRASE_HASH}\n`],
      ['apps', { a: null, b: { args: null }, c: { args: ['%n', '$(x)', '', '0x10', '1e3', 'true'] } }],
    ];
    for (const [key, value] of right)
      expect(() => readBoardFile(stringify({ ...usual, [key]: value })), `${key} ${value}`).not.toThrow();
    expect(readBoardFile('board: a\napps: {c: {args: [010, 1e3, true]}}')?.apps).toEqual({
      c: { args: ['010', '1e3', 'true'] },
    });
  });
});

function each(field: string, values: unknown[], what: RegExp): [string, unknown, RegExp][] {
  return values.map((value) => [field, value, what]);
}

/** Sets what a path such as `network.dns[0]` names. */
function put(file: Record<string, unknown>, path: string, value: unknown): void {
  const steps = path.split(/[.[\]]+/).filter(Boolean);
  const last = steps.pop() ?? '';
  let place: object = file;
  for (const step of steps) place = Reflect.get(place, step);
  Reflect.set(place, last, value);
}

function problemsOf(text: string): string {
  try {
    readBoardFile(text);
  } catch (error) {
    if (error instanceof InvalidFile) return error.message;
    throw error;
  }
  throw new Error(`was accepted:\n${text.slice(0, 200)}`);
}
