/** A backup that cannot be made, or a text that is none, or not the one that is meant. Says why, and what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}
