import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { MANAGER, Mesh, managerPort, nodePort } from '../../../scripts/lib/lab-mesh/mesh.ts';
import { line } from '../../../scripts/lib/lab-mesh/plans.ts';
import { MeshApp } from '../../../services/mesh/app.ts';
import { pause } from '../../../services/signal/pause.ts';
import { Door, dialUnix, ended } from '../door.ts';
import { sharedMesh } from '../testing.ts';

const meshOf = sharedMesh(() => Mesh.start(line(2)));

/** More than an end does handshakes at the same time. */
const many = 100;
/** More than a node has connections of apps. */
const tooMany = 4_200;
const again = 1_000;

/** Connections that stay open and say next to nothing. For each that is closed there is another one a second later. */
class Loris implements AsyncDisposable {
  readonly #end = new AbortController();
  readonly #running: Promise<void>[];

  /** Resolves when all of them have been open once. */
  static async start(count: number, dial: () => Promise<Socket>): Promise<Loris> {
    const opened = Array.from({ length: count }, () => Promise.withResolvers<void>());
    const loris = new Loris(opened, dial);
    await Promise.all(opened.map(({ promise }) => promise));
    return loris;
  }

  private constructor(opened: { resolve(): void }[], dial: () => Promise<Socket>) {
    setMaxListeners(0, this.#end.signal);
    this.#running = opened.map(({ resolve }) => this.#run(dial, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#running);
  }

  async #run(dial: () => Promise<Socket>, opened: () => void): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      const socket = await dial();
      const destroy = () => socket.destroy();
      signal.addEventListener('abort', destroy, { once: true });
      if (signal.aborted) destroy();
      socket.write('\0');
      opened();
      await ended(socket);
      signal.removeEventListener('abort', destroy);
      await pause(again, signal);
    }
  }
}

/** Sends a byte now and then until the other end has had enough. */
async function trickle(socket: Socket): Promise<void> {
  const timer = setInterval(() => socket.write('\0'), 500);
  await ended(socket);
  clearInterval(timer);
}

function linkDoor(mesh: Mesh, from: string, to: string): Promise<Door> {
  return Door.open(mesh, from, `${mesh.address(to, from)}:${nodePort}`);
}

function managerDoor(mesh: Mesh): Promise<Door> {
  return Door.open(mesh, 'a', `${mesh.address(MANAGER, 'a')}:${managerPort}`);
}

it('makes links while many connections to the nodes say nothing', async (context) => {
  const mesh = meshOf(context);
  const [toB, toA] = [await linkDoor(mesh, 'a', 'b'), await linkDoor(mesh, 'b', 'a')];
  await using _atB = await Loris.start(many, () => toB.dial());
  await using _atA = await Loris.start(many, () => toA.dial());
  await mesh.lab.cut('a', 'b');
  await mesh.whole([]);
  await mesh.lab.mend('a', 'b');
  await mesh.whole();
});

it('registers nodes while many connections to the manager say nothing', async (context) => {
  const mesh = meshOf(context);
  const door = await managerDoor(mesh);
  await using _loris = await Loris.start(many, () => door.dial());
  await mesh.node('b').program.end();
  await mesh.startNode('b');
  await mesh.whole();
});

it('serves apps while more connections than there may be say nothing', async (context) => {
  const mesh = meshOf(context);
  await using _loris = await Loris.start(tooMany, () => dialUnix(mesh.node('a').socket));
  const app = await MeshApp.start({ node: mesh.node('a').socket, name: 'app', type: 'test' });
  expect(app.node).toBe(mesh.node('a').key);
  await app.close();
});

it('cuts off whoever never comes to the point, on every port', async (context) => {
  const mesh = meshOf(context);
  const [link, manager] = [await linkDoor(mesh, 'a', 'b'), await managerDoor(mesh)];
  const sockets = await Promise.all([link.dial(), manager.dial(), dialUnix(mesh.node('a').socket)]);
  await Promise.all(sockets.map(trickle));
  await mesh.whole();
});
