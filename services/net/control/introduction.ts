import type { Duplex } from 'node:stream';
import type { Identity, PublicKey } from '../keys.ts';
import { InvalidMembership } from '../membership.ts';
import type { Doorway } from '../session/doorway.ts';
import { type Session, SessionRefused } from '../session/session.ts';
import { connectSession, type Read } from '../session/stream.ts';
import { limits } from './messages.ts';
import { readRecord, sealRecord } from './records.ts';

/**
 * How a control connection begins: a list of members may go ahead of the first message, so that a board which only a
 * newer list has gets in by bringing that list, and a manager which only a newer list has is followed by showing it.
 * docs/protocol.md, section 1.1.
 */

/** The list that is in force at one end, and what takes a newer one over. */
export interface MemberLists {
  /** As it was signed; undefined without one. */
  readonly list: { readonly text: string } | undefined;
  /** @returns whether it was newer and is in force. @throws {InvalidMembership} and changes nothing */
  offer(text: string): boolean | Promise<boolean>;
}

/** Longest list that is read of somebody who is not admitted: some 700 boards. Bytes. */
export const maxStrangersListBytes = 65_536;

/** The payload of message 3: the initiator's list comes as the first record, or it wants the responder's as the first. */
export const listWord = { brings: Buffer.of(1), wants: Buffer.of(2) } as const;

export interface ToManager {
  identity: Identity;
  members: MemberLists;
  isManager(key: PublicKey): boolean;
  /** Whether a newer list may say who the manager is: false where its key was named. */
  learns: boolean;
  signal?: AbortSignal;
}

/**
 * A node's end. The list it has goes to nobody but the manager that it knows; whoever else answers has to show a newer one
 * that makes it the manager.
 *
 * @throws {SessionRefused | BadRecord} or the signal's reason; the stream is destroyed then
 */
export function connectToManager(
  stream: Duplex,
  { identity, members, isManager, learns, signal }: ToManager,
): Promise<Session> {
  let brought: string | undefined;
  let isKnown = false;
  return connectSession(stream, {
    ...{ identity, purpose: 'control', signal },
    accept: (key) => learns || isManager(key),
    payloadFor: (key) => {
      isKnown = isManager(key);
      if (!isKnown) return listWord.wants;
      brought = members.list?.text;
      return brought === undefined ? Buffer.alloc(0) : listWord.brings;
    },
    afterwards: async (session, read) => {
      if (brought !== undefined) stream.write(sealRecord(session.send, brought));
      if (isKnown) return;
      const text = await readRecord(read, session.receive, maxStrangersListBytes);
      await takeFromStranger(members, text, session.remote, isManager);
    },
  });
}

export interface FromNodes {
  identity: Identity;
  members: MemberLists;
  admits(key: PublicKey): boolean;
  signal?: AbortSignal;
}

/**
 * A manager's end. Somebody who is not admitted may bring one list, which is read whatever it is, and hears nothing.
 *
 * @throws {SessionRefused | BadRecord} or the signal's reason; the stream is destroyed then
 */
export function acceptNode(
  doorway: Doorway,
  stream: Duplex,
  { identity, members, admits, signal }: FromNodes,
): Promise<Session> {
  return doorway.accept(stream, {
    ...{ identity, purpose: 'control', signal },
    // After message 3 this end says nothing by itself, so whoever is not admitted learns no more than by a refusal there.
    accept: () => true,
    afterwards: async (session, read) => {
      const { remote, payload } = session;
      if (payload.equals(listWord.brings)) await takeFromNode(members, session, read, admits);
      if (!admits(remote)) throw notAdmitted(remote);
      if (payload.equals(listWord.wants)) stream.write(sealRecord(session.send, members.list?.text ?? ''));
    },
  });
}

async function takeFromNode(
  members: MemberLists,
  { remote, receive }: Session,
  read: Read,
  admits: (key: PublicKey) => boolean,
): Promise<void> {
  const isAdmitted = admits(remote);
  const text = await readRecord(read, receive, isAdmitted ? limits.messageBytes : maxStrangersListBytes);
  if (!isAdmitted) return takeFromStranger(members, text, remote, admits);
  try {
    await members.offer(text);
  } catch (error) {
    // Whoever is admitted is so whatever it brings: a peer of another rack brings the list of that one.
    if (!(error instanceof InvalidMembership)) throw error;
  }
}

async function takeFromStranger(
  members: MemberLists,
  text: string,
  remote: PublicKey,
  isWanted: (key: PublicKey) => boolean,
): Promise<void> {
  let why = 'its list of members is not newer';
  try {
    if (await members.offer(text)) why = 'the newer list of members that it shows has it as none that may';
  } catch (cause) {
    if (!(cause instanceof InvalidMembership)) throw cause;
    why = `its list of members: ${cause.message}`;
  }
  if (!isWanted(remote)) throw notAdmitted(remote, why);
}

function notAdmitted(remote: PublicKey, why?: string): SessionRefused {
  return new SessionRefused(
    `${remote} is not admitted here for a control connection${why === undefined ? '' : `; ${why}`}`,
  );
}
