import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBackup, MAX_BACKUP_BYTES, parseBackup } from '../../../image/backup/document.ts';
import { BackupError } from '../../../image/backup/error.ts';
import { makeBackup } from '../../../image/backup/make.ts';
import { open, seal } from '../../../image/backup/seal.ts';
import { openSecrets, sealSecrets } from '../../../image/backup/secrets.ts';
import { Identity } from '../../../services/net/keys.ts';
import { dhKeyPair } from '../../../services/net/noise/x25519.ts';
import { fuzzRuns, mutated } from '../../fuzz.ts';
import { type BoardRig, boardRig, listenForBackups } from './support.ts';

const asked = { image: '0.5.0', config: 'apps: {}\n' };

function make({ folder }: BoardRig): Promise<string> {
  return makeBackup(folder, asked);
}

describe('a backup of a board', () => {
  it('holds what it was asked with, and all secrets for the owner of the backup key alone', async () => {
    const rig = await boardRig();
    const backup = parseBackup(await make(rig));
    expect(backup).toMatchObject({
      ...{ board: 'node3', rack: rig.rack.publicKey, key: rig.board.publicKey, ...asked },
      members: rig.files.members,
    });
    expect(openSecrets(backup.sealed, rig.backupKey)).toEqual({
      identity: rig.files['identity.key'],
      sshHostKey: rig.files.ssh_host_ed25519_key,
      sshHostKeyPublic: rig.files['ssh_host_ed25519_key.pub'],
      consolePassphrase: rig.files.console_passphrase,
      boardFile: rig.files['board.yaml'],
    });
    expect(() => openSecrets(backup.sealed, dhKeyPair())).toThrow(/sealed to another key/);
  });

  it('has no secret in plain, in whatever letters', async () => {
    const rig = await boardRig();
    const document = await make(rig);
    const { sealed } = parseBackup(document);
    const all = [document, sealed.toString('latin1'), sealed.toString('hex')].join('\n').toLowerCase();
    const secrets = [rig.board.secretKey.subarray(0, 32), Buffer.from(rig.files.console_passphrase ?? '')];
    for (const secret of secrets)
      for (const encoding of ['hex', 'base64', 'latin1'] as const)
        expect(all).not.toContain(secret.toString(encoding).trim().slice(0, 30).toLowerCase());
    expect(all).not.toContain('private key');
  });

  it('has no passphrase, board file or list of members where the board has none', async () => {
    const rig = await boardRig({ console_passphrase: '\n', 'board.yaml': '\n', members: '\n' });
    const backup = parseBackup(await make(rig));
    expect(backup.members).toBeUndefined();
    expect(openSecrets(backup.sealed, rig.backupKey)).toMatchObject({
      ...{ consolePassphrase: undefined, boardFile: undefined },
    });
  });

  it.each([
    ['rack', '\n', /belongs to no rack/],
    ['identity.key', '\n', /belongs to no rack/],
    ['backup_key', '\n', /knows no backup_key/],
    ['backup_key', 'nonsense', /backup_key of this board is damaged/],
    // A point of small order: everybody would know the secret that is agreed on.
    ['backup_key', `${'0'.repeat(64)}\n`, /no secret can be sealed to this key/],
  ])('is not made where %s is %j', async (name, content, why) => {
    await expect(make(await boardRig({ [name]: content }))).rejects.toThrow(why);
  });

  it('is refused with any part changed', async () => {
    const rig = await boardRig();
    const document = await make(rig);
    const other = Identity.generate();
    const changes = [
      document.replace('0.5.0', '0.5.1'),
      document.replace('apps: {}', 'apps:{ }'),
      document.replace('"board":"node3"', '"board":"node4"'),
      document.replaceAll(rig.board.publicKey, other.publicKey),
      document.slice(0, -20),
      document.replace(/"sealed":"./, '"sealed":"_'),
      `${document}more\n`,
      document.replace('/v1', '/v2'),
    ];
    for (const changed of changes) {
      expect(changed).not.toBe(document);
      expect(() => parseBackup(changed)).toThrow(BackupError);
    }
    expect(() => parseBackup('x'.repeat(MAX_BACKUP_BYTES + 1))).toThrow(/longer than any backup/);
  });

  it('is not made longer than can be handed out', () => {
    const sealed = Buffer.alloc(0);
    const identity = Identity.generate();
    const rest = { board: 'a', rack: identity.publicKey, made: '', image: '', members: undefined, sealed };
    const config = 'x'.repeat(MAX_BACKUP_BYTES);
    expect(() => formatBackup(identity, { ...rest, config })).toThrow(/at most 524288 can be handed out/);
  });

  it('is nothing but what a board has signed, whatever is read', async () => {
    const document = Buffer.from(await make(await boardRig()));
    fc.assert(
      fc.property(fc.oneof(mutated(fc.constant(document)), fc.string().map(Buffer.from)), (input) => {
        // What is no UTF-8 becomes another text.
        if (input.toString() === document.toString()) return;
        expect(() => parseBackup(input.toString())).toThrow(BackupError);
      }),
      fuzzRuns('backup', 5_000),
    );
  });
});

describe('what is sealed', () => {
  it('is opened by its key alone, and never when it was altered', () => {
    const [key, other] = [dhKeyPair(), dhKeyPair()];
    const content = Buffer.from('what nobody else may read');
    const box = seal(content, key.publicKey);
    expect(open(box, key)).toEqual(content);
    expect(seal(content, key.publicKey)).not.toEqual(box);
    expect(() => open(box, other)).toThrow(BackupError);
    for (let at = 0; at < box.length; at++) {
      const altered = Buffer.from(box);
      altered.writeUInt8((altered.readUInt8(at) + 1) % 256, at);
      expect(() => open(altered, key)).toThrow(BackupError);
    }
    for (let length = 0; length < box.length; length++)
      expect(() => open(box.subarray(0, length), key)).toThrow(BackupError);
  });

  it('and is no secrets of a board is an error that repeats nothing of it', () => {
    const key = dhKeyPair();
    const content = Buffer.from('{"identity": "0123456789"}');
    expect(() => openSecrets(seal(content, key.publicKey), key)).toThrow(
      /^what is sealed in this backup is not understood; is it of a newer version\?$/,
    );
    const secrets = { identity: 'a', sshHostKey: 'b', sshHostKeyPublic: 'c' };
    const sealed = sealSecrets(
      { ...secrets, consolePassphrase: undefined, boardFile: undefined },
      key.publicKey,
    );
    expect(openSecrets(sealed, key)).toMatchObject(secrets);
  });
});

describe('the program that makes backups', () => {
  async function answerTo(rig: BoardRig, question: string): Promise<string> {
    const socket = createConnection(await listenForBackups(rig));
    socket.write(question);
    return text(socket);
  }

  it('answers one question with a backup', async () => {
    const rig = await boardRig();
    const backup = parseBackup(await answerTo(rig, `${JSON.stringify(asked)}\n`));
    expect(backup).toMatchObject(asked);
  });

  it.each([
    ['nonsense', 'nonsense\n'],
    ['something else', '{"config": 5, "image": "1"}\n'],
    ['more than is read', 'x'.repeat(640 * 1024 + 1)],
  ])('answers %s with why it cannot', async (_, question) => {
    expect(await answerTo(await boardRig(), question)).toMatch(/^cannot: .+\n$/);
  });
});
