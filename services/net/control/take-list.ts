import { errorCode, RpcError } from '../../signal/jsonrpc.ts';
import { InvalidMembership } from '../membership.ts';
import type { MemberLists } from './introduction.ts';

/**
 * Offers a list that came as a parameter of a call.
 *
 * @returns whether it was newer
 * @throws {RpcError} `invalidParams` when it is none of this rack
 */
export async function takeList(members: MemberLists, text: string): Promise<boolean> {
  try {
    return await members.offer(text);
  } catch (cause) {
    if (!(cause instanceof InvalidMembership)) throw cause;
    throw new RpcError(errorCode.invalidParams, `the list of members: ${cause.message}`);
  }
}
