/** Something about a bundle or its keys that a person can put right: the message says how. */
export class UpdateError extends Error {
  override readonly name = 'UpdateError';
}
