import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EndlessAnswer, TrackerClient } from '../../../services/names/client.ts';
import { findParams, limits } from '../../../services/names/messages.ts';
import { createAcceptor, listenOnTcp, stopListening } from '../../../services/signal/accept.ts';
import { Peer } from '../../../services/signal/jsonrpc.ts';
import { channelOfWebSocket } from '../../../services/signal/websocket.ts';

/** A tracker that answers as the test says. @returns a connection to it */
async function trackerThat(answer: (after: string | undefined) => unknown): Promise<TrackerClient> {
  const sockets = new Set<Socket>();
  const server = createAcceptor({
    maxBytes: limits.messageBytes,
    onConnection: (socket) => void sockets.add(socket),
    onBrowser: (socket) => void socket.destroy(),
    onWebSocket: (webSocket) => {
      const peer = new Peer(channelOfWebSocket(webSocket), { maxBytes: limits.messageBytes });
      peer.handle('tracker.find', findParams, ({ after }) => answer(after));
    },
  });
  await listenOnTcp(server, { host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await stopListening(server);
  });
  const client = await TrackerClient.connect(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => client.close());
  return client;
}

function appOf(name: string) {
  return { name, type: 't', node: 'n', address: 'a', expiresIn: 1 };
}

function nameBehind(name: string): string {
  return String(Number(name) + 1).padStart(6, '0');
}

describe('what a tracker finds', () => {
  it('comes page by page', async () => {
    const client = await trackerThat((after) =>
      after === undefined ? { apps: [appOf('A'), appOf('Z')], next: 'Z' } : { apps: [appOf('z')] },
    );
    expect((await client.find()).map(({ name }) => name)).toEqual(['A', 'Z', 'z']);
  });

  it.each([
    ['begins again', () => ({ apps: [appOf('a')], next: 'a' })],
    ['goes back', (after: string | undefined) => ({ apps: [], next: after === undefined ? 'b' : 'a' })],
    ['goes on', (after = '0') => ({ apps: Array(1_000).fill(appOf('a')), next: nameBehind(after) })],
  ])('may not be without end: %s', async (_, answer) => {
    const client = await trackerThat(answer);
    await expect(client.find()).rejects.toThrow(EndlessAnswer);
  });
});
