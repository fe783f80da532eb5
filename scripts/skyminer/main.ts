import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { runProgram } from '../lib/program.ts';
import { addBackupCommands } from './backup-commands.ts';
import { describeConsole } from './console-command.ts';
import { addFlashCommand } from './flash-command.ts';
import { addRackCommands, withPassphrase } from './rack-commands.ts';
import { version } from './version.ts';

const MIRROR = `
The Debian mirror is the one this machine is configured with, or SKYMINER_DEBIAN_MIRROR.`;

await runProgram('skyminer', async () => {
  let status = 0;
  try {
    await program((other) => {
      status = other;
    }).parseAsync();
    return status;
  } catch (error) {
    // Commander has printed its help or its complaint already. Wrong usage is 2, as of every command of a shell.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
});

/** Each command loads its work when it is called. @param end takes the exit status of a command that has several */
function program(end: (status: number) => void): Command {
  const skyminer = new Command('skyminer')
    .description('Builds Skyminer images, boots them on this machine, and keeps the keys of a rack.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) });

  skyminer
    .command('image')
    .description("build a board's disk image into out/BOARD/, reusing what has not changed")
    .option('-b, --board <board>', 'folder in board/ that describes the board', 'qemu-aarch64')
    .option('--source <source>', 'what it is made of: debian or buildroot', 'debian')
    .option('--manifest <file>', 'use exactly the packages of an earlier image, which came with it')
    .option('--refresh', 'ask the mirror for newer packages than those in the cache', false)
    .option('--release', 'newest packages, and the image packed with xz for publishing', false)
    .addHelpText('after', MIRROR)
    .action(async (options) => (await import('./image.ts')).makeImage(options));

  withPassphrase(skyminer.command('provision'))
    .description("make a board's own card image from the common one: its settings and its secret keys")
    .argument('<image>', 'disk image of the kind that the board has')
    .requiredOption('--board <board>', 'name of the board in the rack')
    .option('--out <file>', 'where the image of the card goes (default: BOARD.img in this folder)')
    .option('--rack <folder>', "the rack's folder", './rack')
    .option('--keep-keys', "leave the board's secret keys in the rack's folder too", false)
    .option('--force', "replace the file that is there, and take an image that is another board's", false)
    .action(async (image, options) => (await import('./provision.ts')).provisionImage(image, options));

  addFlashCommand(skyminer, end);

  skyminer
    .command('qemu')
    .description('boot boards in QEMU and attach this terminal to the serial console; Ctrl-] shuts down')
    .option('-b, --board <board>', 'board whose image in out/ is booted', 'qemu-aarch64')
    .option('-n, --count <number>', 'boards to boot; several are wired together', wholeNumber, 1)
    .option('--disk <folder>', 'keep the disks in this folder, and go on with those that are there')
    .option('--hub <socket>', "give the board a second network card on 'skyminer hub'")
    .option('--memory <MiB>', 'memory of each board', wholeNumber, 512)
    .option('--cpus <number>', 'processors of each board', wholeNumber, 2)
    .option('--key <file>', 'public keys that may log in over SSH')
    .addOption(
      new Option(
        '--rack <folder>',
        'boot the boards of this rack; its folder qemu/ keeps their disks',
      ).conflicts(['count', 'disk', 'hub', 'key']),
    )
    .option('--boards <names>', 'boot these of the rack alone, names with commas', names)
    .action(async (options) => (await import('./qemu.ts')).startBoards(options));

  describeConsole(skyminer.command('console')).action(async (ports, options) =>
    (await import('./console.ts')).openConsole(ports, options),
  );

  skyminer
    .command('hub')
    .description('wire boards together; its input takes commands that cut, delay and drop')
    .argument('<socket>', 'Unix socket to listen on')
    .option('--seed <number>', 'seed of the choice of dropped frames', wholeNumber, 1)
    .action(async (socket, options) => (await import('./qemu.ts')).startHub(socket, options));

  skyminer
    .command('bundle')
    .description('make a signed update of an image: a RAUC bundle')
    .argument('[image]', 'disk image; default: that of the board in out/')
    .option('-b, --board <board>', 'board whose image in out/ is taken', 'qemu-aarch64')
    .option('--keys <folder>', "folder that 'skyminer update-keys' made", './update-keys')
    .option('--out <file>', 'the bundle; default: beside the image, under its usual name')
    .option('--bundle-version <version>', 'instead of the version of the image')
    .action(async (image, options) => (await import('./bundle.ts')).bundleImage(image, options));

  withPassphrase(skyminer.command('update-keys'))
    .description('make an authority for updates, which boards are told to trust, and a key that signs them')
    .argument('[folder]', 'folder to be made', './update-keys')
    .option('--name <name>', 'who signs, as people read it', 'owner')
    .option('--above <folder>', 'keys of an authority whose boards are to trust this one too')
    .option('--above-passphrase-file <file>', 'its passphrase')
    .action(async (folder, options) => (await import('./bundle.ts')).newUpdateKeys(folder, options));

  withPassphrase(skyminer.command('passphrase'))
    .description(
      "print the hash of a passphrase for a board's serial console: the file /data/console/passphrase",
    )
    .action(async (options) => (await import('./console-passphrase.ts')).printPassphraseHash(options));

  addRackCommands(
    skyminer.command('rack').description('say which boards belong to a rack, signed by its owner'),
  );
  addBackupCommands(skyminer);
  return skyminer;
}

/** Commander's complaint in the form of this tool's other errors. */
function oneLine(complaint: string): string {
  return `skyminer: ${complaint
    .replace(/^error: /, '')
    .trim()
    .replace(/\.$/, '')}; see 'skyminer --help'\n`;
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_536) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 65536');
  }
  return number;
}
