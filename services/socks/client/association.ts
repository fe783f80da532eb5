import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6, type Socket } from 'node:net';
import type { SpliceCount } from '../../mesh/splice.ts';
import type { MeshChannel } from '../../mesh/types.ts';
import { formatIp, parseIp, unmap } from '../../net/ip.ts';
import { Deadline } from '../deadline.ts';
import { type Destination, decodeDatagram, encodeReply, reply, SocksError } from '../protocol.ts';
import { explainOutlet, type Outlet } from './outlet.ts';

export interface AssociationOptions {
  outlet: Outlet;
  connectMs: number;
  count: SpliceCount;
}

/** Unsent bytes past which datagrams are dropped. */
const maxQueuedBytes = 256 * 1024;

/**
 * UDP ASSOCIATE (RFC 1928, section 7): a UDP socket on the address that the program has reached, whose datagrams go
 * through a channel as they are. It takes them from the address of the program alone, and from one port: the one that
 * the request names, else that of the first datagram. Fragments are dropped. It ends with the control connection.
 * @throws {SocksError} when there is no association
 */
export async function associate(
  control: Socket,
  requested: Destination,
  options: AssociationOptions,
): Promise<void> {
  const { outlet, connectMs } = options;
  const late = () => new SocksError(reply.timeToLiveExpired, `no channel in ${connectMs} ms`);
  using deadline = new Deadline(control, connectMs, late);
  const channel = await outlet.connectChannel(deadline.signal).catch((error: unknown) => {
    throw explainOutlet(error);
  });
  const program = plainAddress(control.remoteAddress);
  const relay = await openRelay(plainAddress(control.localAddress)).catch((error: unknown) => {
    channel.close();
    throw new SocksError(reply.generalFailure, 'there is no UDP port for an association', { cause: error });
  });
  join({ relay, channel, control, program, port: requested.port, count: options.count });
  const { address: host, port } = relay.address();
  control.write(encodeReply(reply.succeeded, { host, port }));
  if (!control.closed) await new Promise((resolve) => control.once('close', resolve));
}

async function openRelay(host: string): Promise<UdpSocket> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.bind({ port: 0, address: host, exclusive: true });
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

interface Joined {
  relay: UdpSocket;
  channel: MeshChannel;
  control: Socket;
  /** Address of the program. */
  program: string;
  /** Its port; 0 until it is known. */
  port: number;
  count: SpliceCount;
}

function join({ relay, channel, control, program, port: requested, count }: Joined): void {
  let port = requested;
  const forward = (datagram: Buffer, from: RemoteInfo) => {
    if (from.address !== program || (port !== 0 && from.port !== port)) return;
    if (datagram.length > channel.maxBytes || !decodeDatagram(datagram)) return;
    port = from.port;
    count.forth += datagram.length;
    channel.send([datagram]);
  };
  const back = (datagram: Buffer) => {
    if (port === 0 || relay.getSendQueueSize() > maxQueuedBytes) return;
    count.back += datagram.length;
    // A datagram that cannot be sent is lost, as on any network.
    relay.send(datagram, port, program, () => undefined);
  };
  relay.on('message', forward);
  relay.on('error', () => control.destroy());
  channel.on('message', back);
  channel.once('close', () => control.destroy());
  const end = () => {
    channel.off('message', back);
    channel.close('the program has ended the association');
    relay.close();
  };
  // Nothing is said on the control connection any more; its end is the program's.
  if (control.readableEnded) control.destroy();
  else control.once('end', () => control.destroy()).resume();
  if (control.closed) end();
  else control.once('close', end);
}

/** An IPv4 program on a socket that takes both families is named as on one of its own. */
function plainAddress(address: string | undefined): string {
  const bytes = parseIp(address ?? '');
  return bytes ? formatIp(unmap(bytes)) : '';
}
