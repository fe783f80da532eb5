import { type Command, InvalidArgumentError, Option } from 'commander';

/** What every command of a rack takes. */
export interface RackOptions {
  rack: string;
}

/** Where a passphrase comes from; from the terminal when neither is given. */
export interface PassphraseOptions {
  passphraseFile?: string;
  passphraseFd?: number;
}

const FILES = `
The folder of a rack holds rack.key (secret, under a passphrase), rack.pub, members (the signed list that boards take),
rack.lock.yaml (all public keys, for version control) and boards/ (secret keys made here, until a card has them).`;

/** Adds `init`, `add`, `remove`, `push` and `list` to the command `rack`. */
export function addRackCommands(rack: Command): void {
  rack.addHelpText('after', FILES);

  withPassphrase(withFolder(rack.command('init')))
    .description("make a rack: the owner's key, under a passphrase, and an empty list of boards")
    .action(async (options) => (await import('./rack.ts')).initRack(options));

  withPassphrase(withFolder(rack.command('add')))
    .description('add a board to the list; without a key, one is made for its card')
    .argument('<board>', "the board's host name")
    .option('--key <hex>', "the board's public key, 64 hex digits")
    .addOption(
      new Option('--key-file <file>', 'a file with its public key, or its identity key').conflicts('key'),
    )
    .option('--role <roles>', 'what it does: node, manager, apptracker, gateway, with commas', 'node')
    .action(async (board, options) => (await import('./rack.ts')).addToRack(board, options));

  withPassphrase(withFolder(rack.command('remove')))
    .description('remove a board from the list, and its key made here with it')
    .argument('<board>', "the board's host name")
    .action(async (board, options) => (await import('./rack.ts')).removeFromRack(board, options));

  withFolder(rack.command('push'))
    .description('hand the list to boards over SSH; who takes it passes it on to the others')
    .argument('[boards...]', 'whom to hand it to; all in the list, if none is named')
    .option(
      '--ssh-config <file>',
      "configuration of ssh with the boards' names (default: the rack's ssh_config)",
    )
    .option('--json', 'one line of JSON', false)
    .action(async (boards, options) => (await import('./push.ts')).pushRack(boards, options));

  withFolder(rack.command('list'))
    .description('show the list, once its signature has been checked')
    .option('--json', 'one line of JSON', false)
    .action(async (options) => (await import('./rack.ts')).listRack(options));
}

function withFolder(command: Command): Command {
  return command.option('--rack <folder>', "the rack's folder", './rack');
}

/** Adds the options that say where a passphrase comes from. */
export function withPassphrase(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'read the passphrase from the first line of a file only you can read')
    .addOption(
      new Option('--passphrase-fd <number>', 'read it from an open file descriptor')
        .conflicts('passphraseFile')
        .argParser(descriptor),
    );
}

function descriptor(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be the number of an open file');
  return Number(text);
}
