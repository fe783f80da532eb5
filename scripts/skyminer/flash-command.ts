import type { Command } from 'commander';

const MORE = `
IMAGE may be packed (.img.xz, .img.zst); IMAGE.bmap beside it says which blocks have to be written. Exit status: 0 all cards are
done, 1 nothing was written, 2 wrong usage, 3 a card failed, 130 stopped. More: docs/flash.md.`;

const THREADS = '24';

/** Adds `flash`. @param end takes the exit status */
export function addFlashCommand(skyminer: Command, end: (status: number) => void): void {
  skyminer
    .command('flash')
    .description(
      'write an image to cards, many at once, and read them back; with --rack each as the card of a board',
    )
    .argument('[image]', 'disk image')
    .argument(
      '[devices...]',
      'drives, such as /dev/sdb; with --rack and none, cards are taken as they are put in',
    )
    .option('--list', 'show the drives of this machine, and why one is refused', false)
    .option('--rack <path>', "the rack's folder, or its rack.yaml")
    .option(
      '--board <name>',
      'whose card it is, once for each drive; without a drive: whose are made in turn',
      collect,
      [],
    )
    .option('--keep-keys', "leave the boards' secret keys in the rack's folder too", false)
    .option('--yes', 'do not ask', false)
    .option('--big', 'also drives larger than 256 GiB', false)
    .addHelpText('after', MORE)
    .action(async (image, devices, options) => {
      // Each card that is being written to keeps a thread waiting; there are four unless Node is told before it needs one.
      process.env.UV_THREADPOOL_SIZE ??= THREADS;
      end(await (await import('./flash/command.ts')).flash(image, devices, options));
    });
}

function collect(name: string, before: string[]): string[] {
  return [...before, name];
}
