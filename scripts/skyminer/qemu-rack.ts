import { access, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ImageError } from '../../image/error.ts';
import { emulatedDisk, macOf } from '../../image/provision/emulated.ts';
import { runRack } from '../../image/qemu/index.ts';
import { boardSettings, readContents } from '../../image/rack/board-settings.ts';
import { rackFiles } from '../../image/rack/files.ts';
import { sshHostsText } from '../../image/rack/ssh-files.ts';
import { writeDurably } from '../../services/net/durable-file.ts';
import { installPackages, planInstall } from '../host/packages.ts';
import { abortOnSignals, root, stepsOf } from '../lib/program.ts';

export interface QemuRackOptions {
  /** Folder in `board/`. */
  board: string;
  rack: string;
  /** Names; all of `rack.yaml` when left out. */
  boards?: readonly string[];
  memory: number;
  cpus: number;
}

/** `skyminer qemu --rack`: boots the boards of a rack, with their addresses on a hub, and SSH by their names. */
export async function startRack({ board: kind, rack, boards, memory, cpus }: QemuRackOptions): Promise<void> {
  const directory = join(root, 'out', kind);
  const image = join(directory, 'skyminer.img');
  await access(image).catch((cause: unknown) => {
    throw new ImageError(`There is no image of ${kind}: build it with 'skyminer image --board ${kind}'.`, {
      cause,
    });
  });
  const contents = await readContents(rack);
  const names = boards ?? [...contents.rack.boards.keys()];
  for (const name of names) boardSettings(contents, name);
  const steps = stepsOf('qemu');
  await installPackages(await planInstall(['provision', 'qemu']), steps);

  const folder = join(rack, 'qemu');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const sshConfig = join(folder, 'ssh_config');
  await using stack = new AsyncDisposableStack();
  // The ports in it are nobody's afterwards.
  stack.defer(() => rm(sshConfig, { force: true }));
  const addresses = new Map<string, string>();
  await runRack({
    names,
    boards: {
      macOf,
      async machineOf(name) {
        const { network } = boardSettings(await readContents(rack), name);
        addresses.set(name, network?.address ?? 'no address: nobody gives one on the hub');
        const keep = await emulatedDisk({ rack, board: name, image, folder });
        return { name, image, uBoot: join(directory, 'u-boot.bin'), disk: { keep }, memoryMiB: memory, cpus };
      },
      async running(all) {
        const hosts = all.map(({ name, sshPort: port }) => ({ board: name, host: '127.0.0.1', port }));
        const head =
          "# Written by 'skyminer qemu --rack' for the boards that it runs, and removed with them.\n";
        await writeDurably(sshConfig, head + sshHostsText(hosts, rackFiles(rack).knownHosts), 0o600);
      },
      describe: ({ name, serial }) =>
        `${name} · ${addresses.get(name)} · ssh -F ${sshConfig} ${name} · command line ${serial}`,
    },
    ...{ hub: resolve(folder, 'hub.sock'), steps },
    ...{ input: process.stdin, output: process.stdout, signal: abortOnSignals() },
  });
}
