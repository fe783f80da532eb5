/** Something about what was asked for, or about this machine, that a person can put right: the message says how. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}
