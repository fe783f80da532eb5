import { WideSocket } from '../../net/wide-socket.ts';
import { type ReplyCode, reply, SocksError } from '../protocol.ts';

/** Time after which the next address is tried beside those before it, in milliseconds (RFC 8305, section 5). */
const attemptDelayMs = 250;

/** A connection that says nothing for so long is asked whether it is there, in milliseconds. */
const keepAliveMs = 60_000;

/**
 * Connects to whichever of the addresses answers first ("happy eyeballs"). They are connected to as they are given: a
 * name would be resolved anew, to what nobody has checked.
 * @throws {SocksError} that tells why, or the signal's reason; nothing is left open then
 */
export function dial(addresses: readonly string[], port: number, signal: AbortSignal): Promise<WideSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WideSocket>();
  const waiting = [...addresses];
  const trying = new Set<WideSocket>();
  const errors: NodeJS.ErrnoException[] = [];
  let timer: NodeJS.Timeout | undefined;

  const settle = (winner: WideSocket | undefined) => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    if (winner) trying.delete(winner);
    for (const socket of trying) socket.destroy();
  };
  const onAbort = () => {
    settle(undefined);
    reject(signal.reason);
  };
  const tryNext = () => {
    clearTimeout(timer);
    const host = waiting.shift();
    if (host === undefined) return;
    const socket = new WideSocket({ allowHalfOpen: true })
      .setNoDelay()
      .setKeepAlive(true, keepAliveMs)
      .connect({ host, port });
    trying.add(socket);
    socket.once('connect', () => {
      socket.off('error', onError);
      settle(socket);
      resolve(socket);
    });
    const onError = (error: NodeJS.ErrnoException) => {
      trying.delete(socket);
      errors.push(error);
      if (waiting.length > 0) tryNext();
      else if (trying.size === 0) {
        settle(undefined);
        reject(explain(addresses, port, errors));
      }
    };
    socket.on('error', onError);
    if (waiting.length > 0) timer = setTimeout(tryNext, attemptDelayMs);
  };

  if (signal.aborted) reject(signal.reason);
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    tryNext();
  }
  return promise;
}

/** What the system says, and what the program is told; of several errors the first in this list counts. */
const codes: readonly (readonly [string, ReplyCode])[] = [
  ['ECONNREFUSED', reply.connectionRefused],
  ['EACCES', reply.notAllowed],
  ['EPERM', reply.notAllowed],
  ['ETIMEDOUT', reply.timeToLiveExpired],
  ['EHOSTUNREACH', reply.hostUnreachable],
  ['EHOSTDOWN', reply.hostUnreachable],
  ['ENETUNREACH', reply.networkUnreachable],
  ['ENETDOWN', reply.networkUnreachable],
  ['EADDRNOTAVAIL', reply.networkUnreachable],
];

/** @param errors of the attempts, at least one */
export function explain(
  addresses: readonly string[],
  port: number,
  errors: readonly NodeJS.ErrnoException[],
): SocksError {
  const [, code] = codes.find(([name]) => errors.some((error) => error.code === name)) ?? [];
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors);
  return new SocksError(
    code ?? reply.generalFailure,
    `no connection to ${addresses.join(', ')} port ${port}: ${errors.map(({ message }) => message).join('; ')}`,
    { cause },
  );
}
