import { createReadStream } from 'node:fs';
import { mkdir, readFile, stat, truncate } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeBundle } from '../../../image/update/bundle.ts';
import { makeUpdateKeys } from '../../../image/update/keys.ts';
import { proveGood } from '../../lib/prove-good.ts';
import { whatItSays } from '../power/boot.ts';
import { DiskRecord } from '../power/disk-record.ts';
import { serveNbd } from '../power/nbd-server.ts';
import { RecordingFailed } from '../power/recording.ts';
import { UPDATED } from './cuts.ts';

export interface UpdateRecordingOptions {
  /** Scratch folder of this recording, which is made; the caller removes it. */
  folder: string;
  /** Image of the disk that is updated: it is made larger, as a card is larger than its image, and its slot A proved good. */
  before: string;
  /** Image whose slot A is what the update brings. */
  after: string;
  uBoot: string;
}

/** Of the board, where it reaches this machine's web server. */
const PORT = 8080;
const CARD_BYTES = 2 * 1024 ** 3;

/** Updates the board as soon as viscript is up, and tells on the kernel's console how that ended. */
const updater = {
  'systemd.extra-unit.a.service': `
[Unit]
Description=Updates the board
After=viscript.service systemd-networkd.service
[Service]
Environment=PATH=/usr/sbin:/usr/bin
ExecStart=/bin/bash -c 'viscript update http://10.0.2.100:${PORT}/next.raucb; echo "update-over $$?."'
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
`,
  'systemd.unit-dropin.-.slice': '[Unit]\nWants=a.service\n',
};

/**
 * Records what `viscript update` does to the disk of an emulated board, from its first boot script on.
 *
 * @throws {RecordingFailed} the board does not take the update
 */
export async function recordUpdate(options: UpdateRecordingOptions): Promise<DiskRecord> {
  const { folder, before, after, uBoot } = options;
  await mkdir(folder, { mode: 0o700 });
  const keys = await makeUpdateKeys({
    ...{ folder: join(folder, 'keys'), name: 'cuts', passphrase: 'of no use' },
  });
  const bundle = await makeBundle({
    ...{ image: after, out: join(folder, 'next.raucb'), log: join(folder, 'log') },
    signer: { key: keys.signerKey, certificate: keys.signer },
  });
  // An update waits while the version that runs is on trial.
  await proveGood(before);
  await truncate(before, CARD_BYTES);
  const record = new DiskRecord(before);
  try {
    await using server = await serveNbd(join(folder, 'nbd'), record);
    await using web = await serveFile(bundle.file);
    const said = await whatItSays(
      {
        ...{ uBoot, disk: { nbd: server.path }, network: 'user' },
        services: [{ here: web.port, board: PORT }],
        credentials: { ...updater, 'skyminer.updates': await readFile(keys.authority, 'utf8') },
      },
      /update-over \d+\./,
    );
    const [problem] = server.problems;
    if (problem !== undefined) throw new RecordingFailed('the disk failed', { cause: problem });
    if (!said.includes('update-over 0.'))
      throw new RecordingFailed(`the board took no update: ${said.slice(-1000)}`);
    record.mark({ writer: UPDATED, version: 1 });
    return record;
  } catch (error) {
    record[Symbol.dispose]();
    throw error;
  }
}

async function serveFile(file: string): Promise<AsyncDisposable & { port: number }> {
  const { size } = await stat(file);
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': size });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
