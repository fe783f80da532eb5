/** Something about a rack's folder, or about what was asked of it, that its owner can put right: the message says how. */
export class RackError extends Error {
  override readonly name = 'RackError';
}
