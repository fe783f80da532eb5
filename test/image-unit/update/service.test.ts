import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UpdateService } from '../../../image/update/service/service.ts';
import { Peer } from '../../../services/signal/jsonrpc.ts';
import { channelOfSocket } from '../../../services/signal/lines.ts';
import { nothing } from '../../../services/signal/shape.ts';
import { NoUpdates, UpdateClient } from '../../../services/viscript/update/client.ts';
import { updateMethods } from '../../../services/viscript/update/protocol.ts';
import { temporaryFolder } from '../../services/viscript/support.ts';

let stack: AsyncDisposableStack;
let folder: string;
let client: UpdateClient;
let served: Promise<void>[];
let onTrial: boolean;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  folder = stack.use(await temporaryFolder()).path;
  onTrial = false;
  served = [];
  await mkdir(join(folder, 'update'));
  await writeFile(join(folder, 'keyring.pem'), 'somebody');
  const service = new UpdateService({
    ...{ folder: join(folder, 'update'), version: '1.0.0', keyring: join(folder, 'keyring.pem') },
    isOnTrial: () => onTrial,
    trialWaitMs: 1_500,
    log: () => undefined,
  });
  const server = createServer((socket: Socket) => served.push(service.serve(socket)));
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  stack.defer(async () => {
    await new Promise((resolve) => server.close(resolve));
    await Promise.all(served);
  });
  client = new UpdateClient(join(folder, 'socket'));
});

afterEach(() => stack.disposeAsync());

const install = (source: string, signal = new AbortController().signal) =>
  client.install({ source, allowDowngrade: false }, () => undefined, signal);

it('takes no update while the version that runs is on trial, and waits a while for the end of that', async () => {
  onTrial = true;
  await expect(install('/nowhere/x.raucb')).rejects.toThrow(/has not proved good, and the other slot/);
  const waiting = Promise.withResolvers<void>();
  const params = { source: '/nowhere/x.raucb', allowDowngrade: false };
  const installing = client.install(params, () => waiting.resolve(), new AbortController().signal);
  await waiting.promise;
  onTrial = false;
  await expect(installing).rejects.toThrow(/cannot be read/);
});

it('says where to name whose updates are taken', async () => {
  await rm(join(folder, 'keyring.pem'));
  await expect(install('/data/update/x.raucb')).rejects.toThrow(/update_keys of rack.yaml or board.yaml/);
});

it.for([
  ['bundle.raucb', /give the whole path of a file on this board/],
  ['/nowhere/bundle.raucb', /cannot be read \(ENOENT\): copy the bundle to \/data\/update/],
  ['/', /is no file/],
  ['ftp://example.org/x', /is no address/],
])('says what is wrong with %s', async ([source, reason]) => {
  await expect(install(String(source))).rejects.toThrow(reason as RegExp);
});

it('does one thing at a time, says how far it is, and ends a download that nobody waits for', async () => {
  const begun = Promise.withResolvers<void>();
  const web = createWebServer((_, response) => {
    response.writeHead(200, { etag: '"x"', 'content-length': 100 });
    response.write(Buffer.alloc(40));
    begun.resolve();
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  stack.defer(async () => {
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
  });
  expect(await client.state()).toEqual({ progress: undefined });
  const over = new AbortController();
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/x`;
  const first = install(url, over.signal).catch((error: Error) => error.message);
  await begun.promise;
  await expect
    .poll(async () => (await client.state()).progress)
    .toEqual({ percent: 40, step: 'downloading (0 MB)' });
  await expect(install(url)).rejects.toThrow(/an update is under way: downloading \(0 MB\), 40 %/);
  await expect(client.rollback()).rejects.toThrow(/an update is under way/);
  over.abort(new Error('enough'));
  expect(await first).toBe('enough');
  await expect.poll(() => client.state()).toEqual({ progress: undefined });
});

it('refuses what is no request of its protocol', async () => {
  const peer = new Peer(channelOfSocket(connect(join(folder, 'socket'))));
  const wrong = peer.call(updateMethods.install, { source: 5, allowDowngrade: false }, nothing);
  await expect(wrong).rejects.toThrow(/wrong params of update.install: source/);
  await peer.closed;
});

it('says that a machine without the service is no board', async () => {
  const none = new UpdateClient(join(folder, 'none'));
  await expect(none.state()).rejects.toThrow(NoUpdates);
});
