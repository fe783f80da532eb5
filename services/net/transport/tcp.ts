import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { formatAddress, parseAddress } from '../address.ts';
import { WideSocket } from '../wide-socket.ts';
import { dialWithin, explain, type Transport } from './transport.ts';

/** Plain TCP over IPv4 and IPv6; a host name is tried with all its addresses (RFC 8305). */
export const tcp: Transport = {
  scheme: 'tcp',

  async dial(address, options = {}) {
    options.signal?.throwIfAborted();
    const { host, port } = parseAddress(address);
    const socket = new WideSocket().setNoDelay().connect({ host, port, autoSelectFamily: true });
    // Whoever gives up does not hear of what goes wrong afterwards.
    const ignore = () => undefined;
    socket.on('error', ignore);
    const connected = once(socket, 'connect').catch((cause: unknown) => {
      throw explain(address, 'dial', firstOf(cause));
    });
    await dialWithin(address, options, connected, () => socket.destroy());
    socket.off('error', ignore);
    return socket;
  },

  async listen(address, onConnection) {
    const { host, port } = parseAddress(address);
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) =>
      onConnection(WideSocket.adopt(socket)),
    );
    try {
      server.listen(port, host);
      await once(server, 'listening');
    } catch (cause) {
      throw explain(address, 'listen', cause);
    }
    // A connection that could not be taken for want of descriptors: its other end sees it end, and dials again.
    server.on('error', () => undefined);
    return {
      address: formatAddress({ host, port: (server.address() as AddressInfo).port }),
      async close() {
        server.close();
      },
    };
  },
};

/** All addresses of a host failed: each with an error of its own. */
function firstOf(cause: unknown): unknown {
  return cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause;
}
