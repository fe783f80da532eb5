import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { run } from '../../image/run.ts';
import { makeBundle } from '../../image/update/bundle.ts';
import { makeUpdateKeys, type UpdateKeys } from '../../image/update/keys.ts';
import { WORK } from './image-under-test.ts';

/** A folder of bundles and of the keys that sign them. */
export class Bundles implements AsyncDisposable {
  readonly folder: string;
  /** Whose updates a board takes. */
  readonly owner: UpdateKeys;
  /** A second owner, whom the first one's boards trust. */
  readonly second: UpdateKeys;
  /** Somebody. */
  readonly stranger: UpdateKeys;

  private constructor(
    folder: string,
    [owner, second, stranger]: readonly [UpdateKeys, UpdateKeys, UpdateKeys],
  ) {
    this.folder = folder;
    this.owner = owner;
    this.second = second;
    this.stranger = stranger;
  }

  static async make(): Promise<Bundles> {
    await mkdir(WORK, { recursive: true });
    const folder = await mkdtemp(join(WORK, 'bundles-'));
    const passphrase = 'correct horse battery';
    const keys = (name: string, above?: { folder: string; passphrase: string }) =>
      makeUpdateKeys({ folder: join(folder, name), name, passphrase, above });
    const owner = await keys('owner');
    const second = await keys('second', { folder: join(folder, 'owner'), passphrase });
    return new Bundles(folder, [owner, second, await keys('stranger')]);
  }

  /** A whole update, made of an image. */
  async whole(name: string, image: string, keys: UpdateKeys, version?: string): Promise<string> {
    const chain = keys === this.second ? keys.chain : undefined;
    const signer = { key: keys.signerKey, certificate: keys.signer, chain };
    const out = join(this.folder, name);
    await makeBundle({ image, out, version, signer, log: join(this.folder, 'log') });
    return out;
  }

  /** A bundle that is in order but for what it says, with next to nothing in it. */
  async small(
    name: string,
    {
      keys,
      compatible = 'skyminer-qemu-aarch64',
      version = '9.0.0',
    }: { keys: UpdateKeys; compatible?: string; version?: string },
  ): Promise<string> {
    const content = join(this.folder, `${name}.content`);
    await mkdir(content);
    const manifest = [
      '[update]',
      `compatible=${compatible}`,
      `version=${version}`,
      '[bundle]',
      'format=verity',
    ];
    for (const slot of ['rootfs', 'boot']) {
      await writeFile(join(content, `${slot}.img`), randomBytes(65_536));
      manifest.push(`[image.${slot}]`, `filename=${slot}.img`);
    }
    await writeFile(join(content, 'manifest.raucm'), `${manifest.join('\n')}\n`);
    const out = join(this.folder, name);
    await run('rauc', [`--cert=${keys.signer}`, `--key=${keys.signerKey}`, 'bundle', content, out]);
    await rm(content, { recursive: true });
    return out;
  }

  /** The beginning of a bundle. */
  async cut(bundle: string, name: string): Promise<string> {
    const out = join(this.folder, name);
    await run('cp', [bundle, out]);
    await truncate(out, Math.floor((await stat(bundle)).size / 2));
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A web server that breaks a connection after so many bytes, as often as it is told to. */
export class BreakingServer implements AsyncDisposable {
  /** The beginnings of the ranges that were asked for. */
  readonly asked: number[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async serve(file: string, breaks: { after: number; times: number }): Promise<BreakingServer> {
    const { size, mtimeMs } = await stat(file);
    const etag = `"${size}-${mtimeMs}"`;
    let left = breaks.times;
    const server = createServer();
    const serving = new BreakingServer(server);
    server.on('request', (request, response: ServerResponse) => {
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      serving.asked.push(start);
      response.writeHead(start > 0 ? 206 : 200, {
        etag,
        'content-length': size - start,
        ...(start > 0 ? { 'content-range': `bytes ${start}-${size - 1}/${size}` } : {}),
      });
      const isBroken = left-- > 0;
      const end = isBroken ? Math.min(size, start + breaks.after) - 1 : size - 1;
      const content = createReadStream(file, { start, end });
      if (isBroken) content.on('end', () => response.socket?.end());
      content.pipe(response, { end: !isBroken });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return serving;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
