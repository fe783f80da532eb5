import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoardSettings } from '../../../image/board-settings/settings.ts';
import { run } from '../../../image/run.ts';
import { Identity } from '../../../services/net/keys.ts';
import { signMembership } from '../../../services/net/membership.ts';

/** A rack of one board that was made up, with the board's secrets. */
export interface MadeUp {
  settings: BoardSettings;
  identity: Identity;
  rack: Identity;
}

/** The hash of `correct horse`, cheap to look at. */
export const PASSPHRASE = 'correct horse';
export const PASSPHRASE_HASH =
  'scrypt 16384 8 1 00112233445566778899aabbccddeeff 4f1c9dd2b81cf42f8ef8f8d32f8a5ec0a0a1f84cf9b3d5f3c3a3f3b3a3939383';

export const SSH_KEY = sshKey('owner@laptop');

/** Settings with a value in every field. */
export async function madeUp(board = 'node4', number = 3): Promise<MadeUp> {
  const rack = Identity.generate();
  const identity = Identity.generate();
  const members = signMembership(rack, number, [{ board, key: identity.publicKey, roles: ['node'] }]);
  const settings: BoardSettings = {
    board,
    network: {
      mac: '02:81:00:12:34:56',
      address: '192.168.0.4/24',
      gateway: '192.168.0.1',
      dns: ['192.168.0.1', '2001:db8::53'],
      ntp: ['192.168.0.1', 'time.example.org'],
    },
    sshKeys: [SSH_KEY, sshKey('other $(reboot) %i')],
    consolePassphrase: PASSPHRASE_HASH,
    mesh: {
      rack: rack.publicKey,
      manager: `${identity.publicKey}@192.168.0.2:5999`,
      listen: ['0.0.0.0:5000'],
      domain: 'rack.mesh',
      members,
    },
    apps: {
      'meshnet-echo': { args: undefined },
      'meshnet-socks-server': {
        args: ['socks0', '/run/skywire/node.sock', '8001', '$(reboot) "%i" \'x\' #'],
      },
    },
    updateKeys: await certificate(),
    backupKey: 'ab'.repeat(32),
  };
  return { settings, identity, rack };
}

/** The public half of a new Ed25519 key, as OpenSSH writes it. */
export function sshKey(comment: string): string {
  const { publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return `ssh-ed25519 ${sshBlob('ssh-ed25519', raw)} ${comment}`;
}

/** Strings as SSH packs them, in Base64. */
export function sshBlob(...parts: (string | Uint8Array)[]): string {
  const packed = parts.map((part) => {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  return Buffer.concat(packed).toString('base64');
}

let made: Promise<string> | undefined;

/** A certificate that signs itself. */
export function certificate(): Promise<string> {
  made ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
    try {
      const [key, file] = [join(folder, 'key'), join(folder, 'certificate')];
      const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
      await run('openssl', [...how, '-subj', '/CN=updates', '-keyout', key, '-out', file]);
      return await readFile(file, 'utf8');
    } finally {
      await rm(folder, { recursive: true });
    }
  })();
  return made;
}
