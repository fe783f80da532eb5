export class NotifyError extends Error {
  override readonly name = 'NotifyError';
}

/**
 * `int sd_notify(int unset_environment, const char *state)` of libsystemd, through koffi: Node has no datagram sockets
 * in the file system.
 * @returns positive when sent, 0 when there is nobody to tell, a negative errno on failure
 */
export async function sdNotify(): Promise<(state: string) => number> {
  try {
    const { default: koffi } = await import('koffi');
    const call = koffi
      .load('libsystemd.so.0')
      .func('int sd_notify(int unset_environment, const char *state)');
    return (state) => Number(call(0, state));
  } catch (cause) {
    throw new NotifyError(
      'NOTIFY_SOCKET is set, but sd_notify of libsystemd.so.0 cannot be called; install libsystemd0',
      { cause },
    );
  }
}
