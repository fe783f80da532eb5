/** Why there is no TUN device. */
export type TunErrorCode =
  /** The kernel has no TUN driver, or its device file is hidden. */
  | 'no-driver'
  /** The process lacks CAP_NET_ADMIN, or may not open the device file. */
  | 'not-permitted'
  /** An interface of this name is there already. */
  | 'busy'
  /** The name is none that Linux takes. */
  | 'bad-name'
  /** The interface was removed while it was in use. */
  | 'lost'
  | 'failed';

/** A TUN device cannot be had, or is gone. */
export class TunError extends Error {
  override readonly name = 'TunError';
  readonly code: TunErrorCode;

  constructor(code: TunErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
