import { type Command, InvalidArgumentError, Option } from 'commander';

/** As many as rack.yaml can have. */
const MOST_BOARDS = 250;

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
The folder of a rack holds rack.yaml (what the rack is like, yours to write), rack.key (secret, under a passphrase), rack.pub,
backup.pub, members (the signed list that boards take), rack.lock.yaml (all public keys, for version control), known_hosts
and ssh_config (ssh -F rack/ssh_config BOARD), and boards/ (secret keys made here, until a card has them).`;

/** Adds `init`, `check`, `sign`, `add`, `replace`, `remove`, `push` and `list` to the command `rack`. */
export function addRackCommands(rack: Command): void {
  rack.addHelpText('after', FILES);

  withPassphrase(withFolder(rack.command('init')))
    .description("make a rack: rack.yaml, the owner's key under a passphrase, and an empty list of boards")
    .option('--boards <number>', 'boards that rack.yaml has', boardCount, 8)
    .option('--ssh-key <file>', 'public keys that may log in; your only one in ~/.ssh when left out')
    .action(async (options) => (await import('./rack.ts')).initRack(options));

  withFolder(rack.command('check'))
    .description('say all that is wrong with rack.yaml and the folder, or what is in order')
    .action(async (options) => (await import('./rack.ts')).checkRack(options));

  withPassphrase(withFolder(rack.command('sign')))
    .description('make the keys that boards of rack.yaml lack, and one new list if anything has changed')
    .action(async (options) => (await import('./rack.ts')).signRack(options));

  withPassphrase(withFolder(rack.command('add')))
    .description('add a board to rack.yaml and to the list; without a key, one is made for its card')
    .argument('<board>', "the board's host name")
    .option('--key <hex>', "the board's public key, 64 hex digits")
    .addOption(
      new Option('--key-file <file>', 'a file with its public key, or its identity key').conflicts('key'),
    )
    .option('--role <roles>', 'what it does: node, manager, apptracker, gateway, with commas (default: node)')
    .option('--address <address>', 'its IPv4 address, or dhcp (default: the next free one)')
    .action(async (board, options) => (await import('./rack.ts')).addToRack(board, options));

  withPassphrase(withFolder(rack.command('replace')))
    .description('give a board new keys, for a new card; who has the old one is no member any more')
    .argument('<board>', "the board's host name")
    .action(async (board, options) => (await import('./rack.ts')).replaceInRack(board, options));

  withPassphrase(withFolder(rack.command('remove')))
    .description('remove a board from rack.yaml and from the list, and its keys made here with it')
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

/** Adds the option that names the rack's folder. */
export function withFolder(command: Command): Command {
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

function boardCount(text: string): number {
  const number = Number(text);
  if (!/^\d{1,3}$/.test(text) || number < 1 || number > MOST_BOARDS)
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_BOARDS}`);
  return number;
}
