import type { DhKeyPair } from '../../services/net/noise/x25519.ts';
import { optionalText, ShapeError, shape, text } from '../../services/signal/shape.ts';
import { BackupError } from './error.ts';
import { open, seal } from './seal.ts';

/** What of a board nobody but root may read there: texts of files. */
export interface BackupSecrets {
  /** `/data/skyminer/identity.key` */
  identity: string;
  /** `/data/ssh/host/ssh_host_ed25519_key`, and that with `.pub`. */
  sshHostKey: string;
  sshHostKeyPublic: string;
  /** `/data/console/passphrase`: the hash. */
  consolePassphrase: string | undefined;
  /** The board file as it was at the start. */
  boardFile: string | undefined;
}

export function sealSecrets(secrets: BackupSecrets, to: Uint8Array): Buffer {
  return seal(Buffer.from(JSON.stringify(secrets)), to);
}

/** @throws {BackupError} when they are sealed to another key, or altered, or are none */
export function openSecrets(sealed: Uint8Array, by: DhKeyPair): BackupSecrets {
  const content = open(sealed, by).toString();
  try {
    return secretsShape.parse(JSON.parse(content));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof ShapeError)) throw cause;
    // What is wrong with it is not repeated: it may hold a key.
    throw new BackupError('what is sealed in this backup is not understood; is it of a newer version?');
  }
}

const secretsShape = shape(
  (fields): BackupSecrets => ({
    identity: text(fields, 'identity'),
    sshHostKey: text(fields, 'sshHostKey'),
    sshHostKeyPublic: text(fields, 'sshHostKeyPublic'),
    consolePassphrase: optionalText(fields, 'consolePassphrase'),
    boardFile: optionalText(fields, 'boardFile'),
  }),
);
