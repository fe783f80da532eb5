/** Why a card cannot be written, or what became of it: the message says what to do. */
export class FlashError extends Error {
  override readonly name = 'FlashError';
}
