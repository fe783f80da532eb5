import { type CertificatePurpose, InvalidCertificate, issueCertificate } from '../certificate.ts';
import type { Identity, PublicKey } from '../keys.ts';
import { Handshake, HandshakeFailed } from '../noise/handshake.ts';
import type { CipherState } from '../noise/state.ts';
import type { Suite } from '../noise/suite.ts';
import { type DhKeyPair, dhKeyPair, WeakKey } from '../noise/x25519.ts';
import {
  encodeHead,
  FIRST_BYTES,
  HEAD_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_SESSION_MESSAGE_BYTES,
  readCredentials,
  readHead,
  SessionRefused,
} from './messages.ts';
import { chooseSuite, suiteBits, suiteOfNumber, suitesHere } from './suites.ts';

export { SessionRefused } from './messages.ts';

export interface SessionOptions {
  identity: Identity;
  purpose: CertificatePurpose;
  /** Reaches the other end with the certificate, sealed; at most 1,024 bytes. Default: none. */
  payload?: Uint8Array;
  /** The same of the end that speaks first, which knows then whom it speaks to. */
  payloadFor?: (remote: PublicKey) => Uint8Array;
  /** Those this end takes. Default: what is good on this machine. */
  suites?: readonly Suite[];
  /** Whether there may be a session with this identity. */
  accept(key: PublicKey): boolean;
  /** For test vectors, and to begin the same handshake again. Default: {@link freshInputs}. */
  fixed?: FixedInputs;
  /** Seconds since 1970, by which certificates are good or not. Default: the clock of this machine. */
  clock?: () => number;
}

export interface FixedInputs {
  static: DhKeyPair;
  ephemeral: DhKeyPair;
  /** Seconds since 1970. */
  now: number;
}

/** What a handshake has led to. */
export interface Session {
  /** Whose key it is that the other end holds. */
  remote: PublicKey;
  /** What the other end has added to its certificate. */
  payload: Buffer;
  suite: Suite;
  send: CipherState;
  receive: CipherState;
  /** The same at both ends, and in no other session. */
  hash: Buffer;
  /** For the handshake of a session that takes this one's place: between the same two. */
  renewal: SessionOptions;
}

/** The end of a session that speaks first. Each message is taken once; after an error there is no session. */
export class SessionInitiator {
  /** Message 1. */
  readonly first: Buffer;
  readonly #options: SessionOptions;
  readonly #keys: FixedInputs;
  readonly #suites: readonly Suite[];
  #answered = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#keys = options.fixed ?? freshInputs(options.clock?.());
    this.#suites = options.suites ?? suitesHere();
    const head = encodeHead(options.purpose, suiteBits(this.#suites));
    // Without a key and a payload Noise message 1 is the ephemeral key, whatever the suite will be.
    this.first = Buffer.concat([head, this.#keys.ephemeral.publicKey]);
  }

  /** Takes message 2. @throws {SessionRefused} */
  answer(second: Uint8Array): { third: Buffer; session: Session } {
    if (this.#answered) throw new SessionRefused('message 2 came twice');
    this.#answered = true;
    return refusing('message 2', () => {
      const bytes = bounded(second);
      const suite = suiteOfNumber(bytes[0] ?? 0);
      if (suite === undefined || !this.#suites.includes(suite))
        throw new SessionRefused(`the other end chose suite ${bytes[0]}, which was not offered`);
      const handshake = handshakeOf(this.#keys, suite, true, this.first);
      handshake.write(Buffer.alloc(0));
      const content = handshake.read(bytes.subarray(1));
      const check = { ...this.#options, now: this.#keys.now };
      const credentials = readCredentials(content, handshake.remoteStatic, check);
      const payload = this.#options.payloadFor?.(credentials.remote) ?? this.#options.payload;
      const third = handshake.write(credentialsOf(this.#options, this.#keys, payload));
      return { third, session: sessionOf(handshake, suite, credentials, this.#options, this.#keys.now) };
    });
  }
}

/** The end of a session that is spoken to. Each message is taken once; after an error there is no session. */
export class SessionResponder {
  readonly #options: SessionOptions;
  readonly #keys: FixedInputs;
  #begun = false;
  #handshake: { handshake: Handshake; suite: Suite } | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#keys = options.fixed ?? freshInputs(options.clock?.());
  }

  /** Takes message 1. @returns message 2. @throws {SessionRefused} */
  answer(first: Uint8Array): Buffer {
    if (this.#begun) throw new SessionRefused('message 1 came twice');
    this.#begun = true;
    return refusing('message 1', () => {
      const bytes = bounded(first);
      const suite = chooseSuite(readHead(bytes, this.#options.purpose), this.#options.suites ?? suitesHere());
      if (suite === undefined) throw new SessionRefused('the other end takes no suite that this one has');
      const handshake = handshakeOf(this.#keys, suite, false, bytes);
      handshake.read(bytes.subarray(HEAD_BYTES, FIRST_BYTES));
      const second = handshake.write(credentialsOf(this.#options, this.#keys, this.#options.payload));
      this.#handshake = { handshake, suite };
      return Buffer.concat([Buffer.of(suiteBits([suite])), second]);
    });
  }

  /** Takes message 3. @throws {SessionRefused} */
  finish(third: Uint8Array): Session {
    if (this.#handshake === undefined) throw new SessionRefused('message 3 came out of turn');
    const { handshake, suite } = this.#handshake;
    this.#handshake = undefined;
    return refusing('message 3', () => {
      const content = handshake.read(bounded(third));
      const check = { ...this.#options, now: this.#keys.now };
      const credentials = readCredentials(content, handshake.remoteStatic, check);
      return sessionOf(handshake, suite, credentials, this.#options, this.#keys.now);
    });
  }
}

function handshakeOf(keys: FixedInputs, suite: Suite, initiator: boolean, first: Buffer): Handshake {
  const prologue = Buffer.concat([first.subarray(0, HEAD_BYTES), Buffer.of(suiteBits([suite]))]);
  return new Handshake({ suite, initiator, prologue, static: keys.static, ephemeral: keys.ephemeral });
}

function credentialsOf(
  { identity, purpose }: SessionOptions,
  keys: FixedInputs,
  added: Uint8Array = Buffer.alloc(0),
): Buffer {
  if (added.length > MAX_PAYLOAD_BYTES)
    throw new RangeError(`a payload has at most ${MAX_PAYLOAD_BYTES} bytes, not ${added.length}`);
  return Buffer.concat([issueCertificate(identity, purpose, keys.static.publicKey, keys.now), added]);
}

function sessionOf(
  handshake: Handshake,
  suite: Suite,
  { remote, payload }: { remote: PublicKey; payload: Buffer },
  { identity, purpose, suites, accept }: SessionOptions,
  now: number,
): Session {
  const renewal: SessionOptions = {
    ...{ identity, purpose, ...(suites && { suites }), clock: clockFrom(now) },
    accept: (key) => key === remote && accept(key),
  };
  return { remote, payload, suite, ...handshake.split(), hash: handshake.hash, renewal };
}

/** What a handshake begins with: new keys, and the time. */
export function freshInputs(now = Date.now() / 1000): FixedInputs {
  return { static: dhKeyPair(), ephemeral: dhKeyPair(), now };
}

/** A clock that nobody can set: two whose clocks agreed when they met do not part because one of them jumps later. */
function clockFrom(now: number): () => number {
  const from = performance.now();
  return () => now + (performance.now() - from) / 1000;
}

function bounded(message: Uint8Array): Buffer {
  if (message.length > MAX_SESSION_MESSAGE_BYTES)
    throw new SessionRefused(`longer than the ${MAX_SESSION_MESSAGE_BYTES} bytes that a message may have`);
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
}

/** All that the other end can have done wrong is one kind of error. */
function refusing<T>(message: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const theirs = [SessionRefused, HandshakeFailed, InvalidCertificate, WeakKey];
    if (!(cause instanceof Error) || !theirs.some((each) => cause instanceof each)) throw cause;
    throw new SessionRefused(`${message}: ${cause.message}`, { cause });
  }
}
