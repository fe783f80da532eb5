import type { Command } from 'commander';
import { withFolder, withPassphrase } from './rack-commands.ts';

/** Adds `backup` and `restore`. */
export function addBackupCommands(skyminer: Command): void {
  withFolder(skyminer.command('backup'))
    .description('fetch a backup of a board over SSH: its config, and its secrets sealed to the rack')
    .argument('<board>', "the board's host name")
    .option('--out <file>', 'where to keep it (default: BOARD-DATE.backup)')
    .option(
      '--ssh-config <file>',
      "configuration of ssh with the boards' names (default: the rack's ssh_config)",
    )
    .action(async (board, options) => (await import('./backup.ts')).backUp(board, options));

  withPassphrase(withFolder(skyminer.command('restore')))
    .description("make a board's card of a backup and an image")
    .argument('<board>', "the board's host name")
    .argument('<file>', 'its backup')
    .requiredOption('--image <image>', 'the common image')
    .requiredOption('--out <file>', 'image of the card, which holds the secret keys of the board')
    .option('--force', 'replace a file that is there', false)
    .action(async (board, file, options) => (await import('./backup.ts')).restore(board, file, options));
}
