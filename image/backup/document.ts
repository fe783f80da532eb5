import { keyOf } from '../../services/net/control/rules.ts';
import { type Identity, isSignedBy, type PublicKey, SIGNATURE_BYTES } from '../../services/net/keys.ts';
import { BOARD_NAME } from '../../services/net/membership.ts';
import { type Fields, fail, ShapeError, shape, text } from '../../services/signal/shape.ts';
import { BackupError } from './error.ts';

/** What a board gives away of itself. */
export interface Backup {
  /** The board's name in its rack. */
  board: string;
  rack: PublicKey;
  /** The board's identity, which has signed this. */
  key: PublicKey;
  /** ISO 8601, by the board's clock. */
  made: string;
  /** Version of the image. */
  image: string;
  /** The owner's own config file; undefined where the image's, or one made of the board file, is in force. */
  config: string | undefined;
  /** The signed list of members that the board started with; undefined for one too long to come along. */
  members: string | undefined;
  /** {@link import('./secrets.ts').BackupSecrets}, sealed to the rack's backup key. */
  sealed: Buffer;
}

/** Longest backup, in bytes: what a command may write as one text. */
export const MAX_BACKUP_BYTES = 512 * 1024;
export const FIRST_LINE = 'skyminer/backup/v1';

/**
 * Writes a backup, signed by the board's identity: three lines, of which the second is JSON and what is signed.
 *
 *     skyminer/backup/v1
 *     {"board":…,"rack":…,"key":…,"made":…,"image":…,"config":…,"members":…,"sealed":BASE64}
 *     signature 128 HEX DIGITS
 *
 * @throws {BackupError} when it is too long
 */
export function formatBackup(identity: Identity, backup: Omit<Backup, 'key'>): string {
  const { sealed, ...plain } = backup;
  const body = JSON.stringify({ ...plain, key: identity.publicKey, sealed: sealed.toString('base64') });
  const signature = identity.sign('backup', Buffer.from(body)).toString('hex');
  const document = `${FIRST_LINE}\n${body}\nsignature ${signature}\n`;
  const bytes = Buffer.byteLength(document);
  if (bytes > MAX_BACKUP_BYTES)
    throw new BackupError(
      `the backup would have ${bytes} bytes, and at most ${MAX_BACKUP_BYTES} can be handed out`,
    );
  return document;
}

/**
 * Reads a backup and checks that the board which it names has signed it. Whether that is a board of the rack is for the
 * caller to say.
 *
 * @throws {BackupError}
 */
export function parseBackup(document: string): Backup {
  if (document.length > MAX_BACKUP_BYTES) throw new BackupError('this is longer than any backup of a board');
  const [first, body = '', last = '', end, ...more] = document.split('\n');
  if (first !== FIRST_LINE)
    throw new BackupError(`this is no backup of a board: it does not begin with ${FIRST_LINE}`);
  const signature = /^signature ([0-9a-f]{128})$/.exec(last)?.[1];
  if (signature === undefined || end !== '' || more.length > 0)
    throw new BackupError('this backup is damaged: it does not end with its signature');
  const backup = fieldsIn(body);
  const bytes = Buffer.from(signature, 'hex').subarray(0, SIGNATURE_BYTES);
  if (!isSignedBy(backup.key, 'backup', Buffer.from(body), bytes))
    throw new BackupError('this backup is damaged: the signature is not that of its board');
  return backup;
}

function fieldsIn(body: string): Backup {
  try {
    return backupShape.parse(JSON.parse(body));
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof ShapeError)) throw cause;
    throw new BackupError(`this backup is damaged: ${cause.message.slice(0, 200)}`, { cause });
  }
}

const backupShape = shape(
  (fields): Backup => ({
    board: boardOf(fields),
    rack: keyOf(fields, 'rack'),
    key: keyOf(fields, 'key'),
    made: text(fields, 'made', 64),
    image: text(fields, 'image', 128),
    config: fields.config === undefined ? undefined : text(fields, 'config'),
    members: fields.members === undefined ? undefined : text(fields, 'members'),
    sealed: base64Of(fields, 'sealed'),
  }),
);

function boardOf(fields: Fields): string {
  const board = text(fields, 'board', 63);
  return BOARD_NAME.test(board) ? board : fail('board', 'the name of a board');
}

function base64Of(fields: Fields, field: string): Buffer {
  const value = text(fields, field);
  return /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? Buffer.from(value, 'base64') : fail(field, 'base64');
}
