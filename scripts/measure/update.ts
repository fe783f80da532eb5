import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { squashfsSize } from '../../image/disk/squashfs-size.ts';
import { run } from '../../image/run.ts';
import { makeBundle } from '../../image/update/bundle.ts';
import { makeUpdateKeys } from '../../image/update/keys.ts';
import { BootedBoard } from './booted-board.ts';
import { MeasureError, timeCommand } from './process.ts';
import type { Row } from './row.ts';

export interface UpdateOptions {
  image: string;
  uBoot: string;
  folder: string;
  rounds: number;
  progress: (text: string) => void;
}

const INBOX = '/data/update';
const MIB = 1024 * 1024;

/** Measures an update: its size, and how long a board takes to install it beside a plain copy of as many bytes. */
export async function measureUpdate({
  image,
  uBoot,
  folder,
  rounds,
  progress,
}: UpdateOptions): Promise<Row[]> {
  const key = join(folder, 'update-key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  progress('making a bundle');
  const keys = await makeUpdateKeys({
    folder: join(folder, 'update-keys'),
    name: 'bench',
    passphrase: 'of no use',
  });
  const signer = { key: keys.signerKey, certificate: keys.signer };
  const { file } = await makeBundle({
    ...{ image, signer, out: join(folder, 'update.raucb'), log: join(folder, 'update.log') },
  });
  const { size } = await stat(file);
  const sizes = [(await squashfsSize(image, 'rootB')) / MIB, 64].map(Math.ceil);
  progress('boot');
  await using board = await BootedBoard.start({ image, uBoot, diskMiB: 2048 }, key, {
    'skyminer.updates': await readFile(keys.authority, 'utf8'),
    ...copyOnRequest(sizes),
  });
  await run('scp', board.scp(file, `${INBOX}/update.raucb`));
  await board.askUntil('status --json', (answer) => answer.includes('"state":"confirmed"'), 600_000);
  const install: number[] = [];
  const copy: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}`);
    install.push((await timeCommand(board.ssh('viscript', 'update', `${INBOX}/update.raucb`))).ms / 1_000);
    await timeCommand(board.ssh('admin', 'touch', `${INBOX}/copy`));
    const { stdout } = await timeCommand(
      board.ssh(
        'admin',
        `until [ -e ${INBOX}/took ]; do sleep 0.2; done; cat ${INBOX}/took; rm -f ${INBOX}/took`,
      ),
    );
    const seconds = Number(stdout);
    if (!(seconds > 0)) throw new MeasureError(`a copy took '${stdout.trim()}' seconds`);
    copy.push(seconds);
  }
  return [
    { ...{ group: 'update', what: 'a bundle: boot and root', unit: 'MB', peers: {} }, ours: [size / 1e6] },
    {
      ...{ group: 'update', what: 'a bundle on the board → installed, over SSH', unit: 's' },
      ...{ ours: install, peers: { 'dd of as many bytes': copy } },
    },
  ];
}

/** A unit that copies to both partitions of the other slot, past the cache, whenever it is asked to, and says how long that took. */
function copyOnRequest(sizes: readonly number[]): Record<string, string> {
  const copies = ['rootB', 'bootB'].map(
    (partition, index) =>
      `dd if=${INBOX}/update.raucb of=/dev/disk/by-partlabel/${partition} bs=1M count=${sizes[index]} conv=fsync status=none`,
  );
  const now = 'read -r now _ </proc/uptime';
  const body = `rm -f ${INBOX}/copy; ${now}; begun=$now; ${copies.join('; ')}; ${now}; echo $now $begun | awk "{print \\$1-\\$2}" >${INBOX}/took.new; chown admin ${INBOX}/took.new; mv ${INBOX}/took.new ${INBOX}/took`;
  return {
    'systemd.extra-unit.a.service': `[Service]\nExecStart=/bin/sh -c 'while sleep 0.2; do if [ -e ${INBOX}/copy ]; then ${body.replaceAll('$', '$$$$')}; fi; done'\n`,
    'systemd.unit-dropin.-.slice': '[Unit]\nWants=a.service\n',
  };
}
