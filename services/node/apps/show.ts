import type { Socket } from 'node:net';
import { membersMethods } from '../../mesh/members.ts';
import { limits, managerMethods, memberListShape, showWantedShape } from '../../net/control/messages.ts';
import { Peer } from '../../signal/jsonrpc.ts';
import { channelOfSocket } from '../../signal/lines.ts';
import { nothing } from '../../signal/shape.ts';
import type { Carrier } from './carrier.ts';

const options = { maxBytes: limits.messageBytes, maxPending: 8 };

/** Serves somebody who looks at the mesh, or brings a list of its members, for as long as the connection stands. */
export function serveShow(socket: Socket, carrier: Carrier): void {
  const peer = new Peer(channelOfSocket(socket, options), options);
  socket.once('end', () => peer.close('done'));
  peer.handle(managerMethods.show, showWantedShape, ({ what }) => carrier.show(what));
  peer.handle(membersMethods.show, nothing, () => carrier.members);
  peer.handle(membersMethods.take, memberListShape, async ({ members }) => ({
    taken: await carrier.takeMembers(members),
  }));
}
