/** The command line of the program `viscript`: its own options come before the command; what follows is the command's. */

export class CommandLineError extends Error {
  override readonly name = 'CommandLineError';
}

export interface Common {
  runtimeDirectory: string | undefined;
  configFile: string | undefined;
}

export type CommandLine =
  | { mode: 'help' }
  | { mode: 'version' }
  | { mode: 'remote'; host: string; argv: string[] }
  | (Common & { mode: 'headless'; owned: boolean })
  | FrontEndLine;

export type FrontEndLine = Common & { mode: 'front-end'; json: boolean; argv: string[] };

export const usage = `viscript - launches and manages the apps of a Skyminer

  viscript                     a terminal on the running supervisor, or on one of its own
  viscript COMMAND ARGUMENT…   one command; 'viscript help' lists them
  viscript --headless          the supervisor in the foreground
  viscript serial DEVICE       the terminal on a serial line
  viscript completion SHELL    completions for bash, zsh or fish

Options
  --json                one line of JSON a result
  --config FILE         the apps there are; else ./config.yaml, ~/.config/viscript/config.yaml, the packaged one
  --runtime-dir DIR     where the sockets of the supervisor are
  -H, --host HOST       on another board, over SSH
  -V, --version         version
  -h, --help            this text

Exit status: 0 done, 1 failed, 2 wrong usage, 3 no supervisor runs.
NO_COLOR turns colours off.
`;

/** @throws {CommandLineError} */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const common: Common = { runtimeDirectory: undefined, configFile: undefined };
  const flags = { json: false, headless: false, owned: false };
  let host: string | undefined;
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) break;
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = equals === -1 ? word : word.slice(0, equals);
    const value = () => {
      const given = equals === -1 ? words[++at] : word.slice(equals + 1);
      if (given === undefined || given === '')
        throw new CommandLineError(`${name} needs a value; see viscript --help`);
      return given;
    };
    if (name === '-h' || name === '--help') return { mode: 'help' };
    if (name === '-V' || name === '--version') return { mode: 'version' };
    if (name === '--json') flags.json = true;
    else if (name === '--headless') flags.headless = true;
    else if (name === '--owned') flags.owned = true;
    else if (name === '--config') common.configFile = value();
    else if (name === '--runtime-dir') common.runtimeDirectory = value();
    else if (name === '-H' || name === '--host') host = value();
    else throw new CommandLineError(`there is no option ${name}; see viscript --help`);
  }
  const argv = words.slice(at);
  if (host !== undefined) return { mode: 'remote', host, argv: flags.json ? ['--json', ...argv] : [...argv] };
  if (!flags.headless) return { ...common, mode: 'front-end', json: flags.json, argv: [...argv] };
  if (argv.length > 0) throw new CommandLineError(`--headless takes no command, but there is '${argv[0]}'`);
  return { ...common, mode: 'headless', owned: flags.owned };
}
