import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import handshake from '@homebridge/dbus-native/lib/handshake.js';
import codec, { type Message } from '@homebridge/dbus-native/lib/message.js';

/** Whom a call goes to, and what it asks. */
export interface Method {
  destination: string;
  path: string;
  interface: string;
  member: string;
}

/** What a subscription is about; what is left out matches everything. */
export interface SignalRule {
  sender: string;
  path: string;
  interface: string;
  member: string;
}

/** An answer that is an error, with the name the other side gave it, such as org.freedesktop.DBus.Error.AccessDenied. */
export class DBusError extends Error {
  override readonly name = 'DBusError';
  readonly errorName: string;
  constructor(method: Method, errorName: string, message: string) {
    super(`${method.member} of ${method.destination}: ${message || errorName}`);
    this.errorName = errorName;
  }
}

export class BusClosed extends Error {
  override readonly name = 'BusClosed';
}

/** Longest wait for an answer; systemd answers at once, polkit may first have to be started. */
const callTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;
const {
  methodCall,
  methodReturn,
  error: errorReply,
  signal,
} = {
  methodCall: 1,
  methodReturn: 2,
  error: 3,
  signal: 4,
};
const busItself = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/**
 * A client of one D-Bus, of which it needs the calls and the signals. Only the codec and the handshake of dbus-native
 * are used: its outer layer reads XML descriptions at run time, which costs 4 MB and serves proxies nobody needs here.
 */
export class Bus {
  /** Resolves with the reason when the connection has ended; never rejects. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #pending = new Map<
    number,
    { resolve: (body: unknown[]) => void; reject: (error: Error) => void }
  >();
  readonly #methods = new Map<number, Method>();
  readonly #listeners = new Map<string, Set<(body: unknown[]) => void>>();
  #serial = 0;
  #closedBecause: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const ended = Promise.withResolvers<string>();
    this.closed = ended.promise;
    socket.once('error', (error) => this.#end(error.message));
    socket.once('close', () => {
      this.#end('the bus closed the connection');
      ended.resolve(this.#closedBecause ?? '');
    });
    codec.unmarshalMessages(socket, (message) => this.#receive(message), {});
  }

  /**
   * Connects to the system bus, or to the one at `address` (`unix:path=…`).
   * @throws {BusClosed} when nobody answers there or we are refused
   */
  static async connect(address = process.env.DBUS_SYSTEM_BUS_ADDRESS ?? systemBus): Promise<Bus> {
    const path = /^unix:path=([^,;]+)/.exec(address)?.[1];
    if (path === undefined) throw new BusClosed(`D-Bus address ${address} is not of the form unix:path=…`);
    const socket = connect(path);
    try {
      await authenticate(socket);
      const bus = new Bus(socket);
      await bus.call({ ...busItself, member: 'Hello' });
      return bus;
    } catch (cause) {
      socket.destroy();
      throw new BusClosed(`no connection to D-Bus at ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  /**
   * @param body arguments in D-Bus's types as `signature` names them; a variant is [signature, value]
   * @returns what the method returns; a variant is [type, [value]]
   * @throws {DBusError} for an error reply, {BusClosed} when the connection ends or the answer is overdue
   */
  call(method: Method, signature = '', body: unknown[] = []): Promise<unknown[]> {
    if (this.#closedBecause !== undefined) return Promise.reject(new BusClosed(this.#closedBecause));
    const serial = ++this.#serial;
    const { promise, resolve, reject } = Promise.withResolvers<unknown[]>();
    const timer = setTimeout(() => {
      this.#forget(serial);
      reject(
        new BusClosed(`${method.member} of ${method.destination}: no answer in ${callTimeoutMs / 1000} s`),
      );
    }, callTimeoutMs);
    this.#methods.set(serial, method);
    this.#pending.set(serial, {
      resolve: (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      reject: (error) => {
        clearTimeout(timer);
        reject(error);
      },
    });
    this.#socket.write(
      codec.marshall({ type: methodCall, serial, ...method, ...(signature ? { signature, body } : {}) }),
    );
    return promise;
  }

  /**
   * Hears a signal. A signal may also be sent straight to us by any client of the bus, whoever it claims to be: take it
   * as a hint and ask the one it speaks of.
   * @returns ends the subscription
   */
  async listen(rule: SignalRule, listener: (body: unknown[]) => void): Promise<() => void> {
    const { sender, path, interface: name, member } = rule;
    const key = keyOf(rule);
    const match = `type='signal',sender='${sender}',path='${path}',interface='${name}',member='${member}'`;
    const listeners = this.#listeners.get(key) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(key, listeners);
    await this.call({ ...busItself, member: 'AddMatch' }, 's', [match]);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(key);
      if (this.#closedBecause !== undefined) return;
      // Nobody waits for the answer: an end of the connection ends the subscription as well.
      this.call({ ...busItself, member: 'RemoveMatch' }, 's', [match]).catch((error: unknown) => {
        if (!(error instanceof BusClosed)) throw error;
      });
    };
  }

  close(): void {
    this.#end('closed by us');
    this.#socket.destroy();
  }

  #receive(message: Message): void {
    if (message.type === signal) {
      for (const listener of this.#listeners.get(keyOf(message)) ?? []) listener(message.body ?? []);
      return;
    }
    const serial = message.replySerial ?? 0;
    const method = this.#methods.get(serial);
    const pending = this.#forget(serial);
    if (!pending || !method) return;
    const [text] = message.body ?? [];
    if (message.type === methodReturn) pending.resolve(message.body ?? []);
    else if (message.type === errorReply)
      pending.reject(new DBusError(method, message.errorName ?? '', typeof text === 'string' ? text : ''));
  }

  #forget(serial: number) {
    const pending = this.#pending.get(serial);
    this.#pending.delete(serial);
    this.#methods.delete(serial);
    return pending;
  }

  #end(reason: string): void {
    this.#closedBecause ??= reason;
    for (const serial of [...this.#pending.keys()]) {
      this.#forget(serial)?.reject(new BusClosed(`connection to D-Bus lost: ${this.#closedBecause}`));
    }
  }
}

const systemBus = 'unix:path=/run/dbus/system_bus_socket';

/** The value in a variant as `Bus.call` returns it. */
export function variantValue(variant: unknown): unknown {
  return Array.isArray(variant) && Array.isArray(variant[1]) ? variant[1][0] : undefined;
}

async function authenticate(socket: Socket): Promise<void> {
  const signal = AbortSignal.timeout(connectTimeoutMs);
  await once(socket, 'connect', { signal });
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: Error) => reject(error);
    const left = () => reject(new BusClosed('the bus closed the connection'));
    socket.once('error', refuse);
    socket.once('close', left);
    signal.addEventListener('abort', () => reject(new BusClosed('the bus does not answer')));
    handshake(socket, { authMethods: ['EXTERNAL'] }, (error) => {
      socket.off('error', refuse);
      socket.off('close', left);
      if (error) reject(error);
      else resolve();
    });
  });
}

function keyOf({ path, interface: name, member }: Partial<SignalRule>): string {
  return `${path} ${name}.${member}`;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
