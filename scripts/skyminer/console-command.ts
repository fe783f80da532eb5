import { type Command, InvalidArgumentError, Option } from 'commander';
import { isRate } from '../console/names-file.ts';
import { isMappingName, MAPPINGS, type MappingName } from '../console/view/mapping.ts';
import { STAMP_FORMATS } from '../console/view/stamps.ts';

const MORE = `
A port is a name of yours, a socket of --list, or a device. Ctrl-] begins a command: ctrl-] ? shows them, ctrl-] q leaves.
An input that is no terminal is sent to the one port that is named; the command ends when all of it was sent and the board
has then said nothing for the time of --wait-quiet. Exit status: 0 left, 1 a port or line failed, 2 wrong usage.
docs/console.md tells more.`;

/** Gives `skyminer console` its words and options; they are what `ConsoleWords` says. */
export function describeConsole(console: Command): Command {
  return console
    .description('talk to boards on serial lines, one or many at once; without ports: to all')
    .argument('[ports...]', 'names, sockets or devices')
    .option('--list', 'show the USB serial adapters of this machine, and the names of ports')
    .option('--json', 'with --list: for programs')
    .addOption(
      new Option('--watch <port>', "look on at a port that another 'skyminer console' has").conflicts('log'),
    )
    .option('--export-tio', 'print the names as a configuration of tio')
    .option('--out <file>', 'with --export-tio: write them into this file, such as ~/.config/tio/config')
    .option('--names <file>', 'names of ports (default: ~/.config/skyminer/consoles.yaml)')
    .option('-b, --baud <rate>', 'bits a second', rate, 115_200)
    .addOption(
      new Option('--data-bits <number>', 'bits of a byte').choices(['5', '6', '7', '8']).default('8'),
    )
    .addOption(new Option('--parity <parity>', 'parity bit').choices(['none', 'even', 'odd']).default('none'))
    .addOption(new Option('--stop-bits <number>', 'stop bits').choices(['1', '2']).default('1'))
    .addOption(
      new Option('--flow <control>', 'flow control: by RTS/CTS or XON/XOFF')
        .choices(['none', 'hard', 'soft'])
        .default('none'),
    )
    .option('--byte-delay <ms>', 'wait after each byte that is sent', milliseconds, 0)
    .option('--line-delay <ms>', 'wait after each line that is sent', milliseconds, 0)
    .option('--map <flags>', `change bytes, with commas: ${Object.keys(MAPPINGS).join(' ')}`, mappings, [])
    .option('-t, --timestamps', 'show the time before each line')
    .addOption(new Option('--timestamp-format <format>', 'which time').choices(STAMP_FORMATS))
    .option('-e, --local-echo', 'show what is typed')
    .option('--hex', 'show bytes as hexadecimal numbers, and type them so')
    .option('--no-reconnect', 'end when the port is not there, or goes away')
    .option('--wait-quiet <seconds>', 'how long a board is quiet after a piped input', seconds, 2)
    .option('-l, --log', 'keep a log of each board, in ~/.local/state/skyminer/console')
    .option('--log-folder <folder>', 'keep it there')
    .option('--log-size <MiB>', 'a log is cut into files of this size', count, 8)
    .option('--log-keep <number>', 'files that are kept of each board', count, 16)
    .addHelpText('after', MORE);
}

function rate(text: string): number {
  if (!isRate(text)) throw new InvalidArgumentError('It must be a whole number from 50 to 12000000');
  return Number(text);
}

function milliseconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of milliseconds');
  return Number(text);
}

function seconds(text: string): number {
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError('It must be a number of seconds');
  return Number(text);
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999');
  return Number(text);
}

function mappings(text: string): MappingName[] {
  const words = text.split(',').map((word) => word.trim().toUpperCase());
  const names = words.filter(isMappingName);
  const wrong = words.find((word) => !isMappingName(word));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`${wrong} is none of ${Object.keys(MAPPINGS).join(' ')}`);
  return names;
}
