/** The connection ended before the answer came. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly reason: string;
  constructor(method: string, reason: string) {
    super(`connection lost during ${method}: ${reason}`);
    this.reason = reason;
  }
}

/** The other end did not answer in time; the connection stands. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
  readonly timeoutMs: number;
  constructor(method: string, timeoutMs: number) {
    super(`no answer to ${method} within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** The other end answered with something of another shape than promised. */
export class InvalidResult extends Error {
  override readonly name = 'InvalidResult';
  constructor(method: string, cause: unknown) {
    super(`the answer to ${method} has a wrong shape: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** The message was not sent: the other end would refuse it. */
export class MessageTooLarge extends Error {
  override readonly name = 'MessageTooLarge';
  constructor(method: string, bytes: number, maxBytes: number) {
    super(`${method}: a message of ${bytes} bytes is larger than the ${maxBytes} allowed`);
  }
}

/** The call was not sent: too many wait for their answers already. */
export class PeerBusy extends Error {
  override readonly name = 'PeerBusy';
  constructor(method: string, maxPending: number) {
    super(`${method}: ${maxPending} calls wait for answers already`);
  }
}
