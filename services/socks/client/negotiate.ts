import type { Socket } from 'node:net';
import { farewell } from '../farewell.ts';
import {
  decodeCredentials,
  decodeGreeting,
  encodeMethod,
  encodePasswordAnswer,
  method,
  SocksError,
} from '../protocol.ts';
import { readMessage } from '../read.ts';
import type { PasswordFailures } from './failures.ts';
import type { Users } from './users.ts';

/** Who may use a proxy, and who has tried. */
export interface Guard {
  /** Undefined: everybody. */
  users: Users | undefined;
  failures: PasswordFailures;
}

/** A program did not get as far as a request; there is nothing more to tell it. */
export class NotAdmitted extends Error {
  override readonly name = 'NotAdmitted';
}

/**
 * Agrees on a method with a program, and asks it who it is where there are users.
 * @throws {NotAdmitted} and the program has been told, as far as SOCKS can; or what `readMessage` throws
 */
export async function negotiate(
  socket: Socket,
  { users, failures }: Guard,
  signal: AbortSignal,
): Promise<void> {
  const wanted = users ? method.password : method.none;
  const offered = await orNotAdmitted(readMessage(socket, decodeGreeting, { what: 'greeting', signal }));
  if (!offered.includes(wanted)) {
    farewell(socket, encodeMethod(method.unacceptable));
    throw new NotAdmitted(users ? 'it offered no password' : 'it did not offer to go without a password');
  }
  socket.write(encodeMethod(wanted));
  if (!users) return;
  const credentials = await orNotAdmitted(
    readMessage(socket, decodeCredentials, { what: 'password', signal }),
  );
  const { remoteAddress: source = '' } = socket;
  const tooMany = failures.tooMany(source);
  if (tooMany || !users.accept(credentials)) {
    if (!tooMany) failures.add(source);
    farewell(socket, encodePasswordAnswer(false));
    const why = tooMany
      ? `too many wrong passwords came from ${source}`
      : 'the name or the password is wrong';
    throw new NotAdmitted(why);
  }
  socket.write(encodePasswordAnswer(true));
}

/** Before there is a request there is no reply either. */
async function orNotAdmitted<T>(message: Promise<T>): Promise<T> {
  try {
    return await message;
  } catch (cause) {
    if (cause instanceof SocksError) throw new NotAdmitted(cause.message, { cause });
    throw cause;
  }
}
