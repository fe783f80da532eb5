import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MetricsPlace, type MetricsServer, serveMetrics } from '../../../services/metrics/server.ts';

let folder = '';
let servers: MetricsServer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'metrics-'));
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await rm(folder, { recursive: true });
});

const errors: string[] = [];

async function serve(
  text: () => string | Promise<string>,
  place: MetricsPlace = { path: join(folder, 'metrics.sock'), mode: 0o660 },
): Promise<MetricsServer> {
  errors.length = 0;
  const server = await serveMetrics(place, text, (error) => errors.push(error.message));
  servers.push(server);
  return server;
}

async function get(socketPath: string, path = '/metrics', method = 'GET') {
  const asked = request({ socketPath, path, method }).end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, body: await textOf(response) };
}

describe('figures on a Unix socket', () => {
  it('are for the group, and nowhere but under /metrics', async () => {
    const { address } = await serve(() => 'up 1\n');
    expect((await stat(address)).mode & 0o777).toBe(0o660);
    expect(await get(address)).toEqual({ status: 200, body: 'up 1\n' });
    expect(await get(address, '/metrics', 'HEAD')).toEqual({ status: 200, body: '' });
    expect((await get(address, '/')).status).toBe(404);
    expect((await get(address, '/metrics', 'POST')).status).toBe(404);
  });

  it('are measured once for all who ask at the same time', async () => {
    const measured = Promise.withResolvers<string>();
    let measurements = 0;
    const { address } = await serve(() => {
      measurements++;
      return measured.promise;
    });
    const asked = Array.from({ length: 5 }, () => get(address));
    const reached = get(address, '/elsewhere');
    expect((await reached).status).toBe(404);
    measured.resolve('done\n');
    for (const { body } of await Promise.all(asked)) expect(body).toBe('done\n');
    expect(measurements).toBe(1);
  });

  it('that cannot be read are status 500 and told to the owner, and asked for anew', async () => {
    let broken = true;
    const { address } = await serve(() => {
      if (broken) throw new Error('no /proc');
      return 'fine\n';
    });
    expect((await get(address)).status).toBe(500);
    expect(errors).toEqual(['no /proc']);
    broken = false;
    expect((await get(address)).body).toBe('fine\n');
  });
});

describe('clients that misbehave', () => {
  it.each([
    ['says nothing', ''],
    ['never ends its head', 'GET /metrics HTTP/1.1\r\nx: y'],
    ['does not speak HTTP', '\0\0\0\0\r\n\r\n'],
    ['sends a head without bounds', `GET /metrics HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`],
  ])('one that %s is cut off, and others are served', { timeout: 30_000 }, async (_, sent) => {
    const { address } = await serve(() => 'up 1\n');
    const client = createConnection(address);
    client.on('error', () => client.destroy());
    client.write(sent);
    client.resume();
    expect((await get(address)).status).toBe(200);
    await once(client, 'close');
  });

  it('one that does not read its answer is cut off', { timeout: 30_000 }, async () => {
    const { address } = await serve(() => 'x'.repeat(8_000_000));
    const client = createConnection(address).pause();
    client.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    // Whoever reads nothing learns by writing that the other end is gone.
    const knocks = setInterval(() => client.write('\r\n'), 200);
    const [error] = await once(client, 'error');
    clearInterval(knocks);
    client.destroy();
    expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
  });
});

it('listens on loopback, on the port that it is given', async () => {
  const { address } = await serve(() => 'up 1\n', { host: '127.0.0.1', port: 0 });
  expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  expect(await (await fetch(`http://${address}/metrics`)).text()).toBe('up 1\n');
});

it('says so when the place is taken', async () => {
  const { address } = await serve(() => '');
  await expect(serve(() => '', { path: address, mode: 0o600 })).rejects.toThrow(/another process listens/);
});
