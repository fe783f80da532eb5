import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Command, type CommandContext, CommandFailed } from './command.ts';

/** Where the one process that is handed the board's secrets listens, and the owner's own config file; tests have others. */
const SOCKET = '/run/viscript-backup.sock';
const OWN_CONFIG = '/data/viscript/config.yaml';
/** A process starts for it, on a board that may be busy. */
const TIMEOUT_MS = 120_000;
const FIRST_LINE = 'skyminer/backup/v1\n';

export const backupCommand: Command = {
  name: 'backup',
  aliases: [],
  usage: '',
  arity: [0, 0],
  summary: 'print a backup of this board: its config, and its secrets sealed to the owner of its rack',
  help: [
    'Three lines, of which the last is the signature of the board. The identity, the SSH host key, the hash of the console’s',
    'passphrase and the board file are sealed on the board, so that only the rack’s key opens them: `skyminer backup BOARD` keeps',
    'one, `skyminer restore` makes a card of it. The config is in plain, with all that it says of the environment of apps.',
  ].join('\n'),
  async run(context) {
    const backup = await askFor(context);
    context.put({ backup }, backup);
    return undefined;
  },
};

async function askFor({ machine, supervisor, signal }: CommandContext): Promise<string> {
  const { VISCRIPT_BACKUP_SOCKET: path = SOCKET, VISCRIPT_OWN_CONFIG: own = OWN_CONFIG } = process.env;
  const isOwn = supervisor.config.file === own;
  const question = { image: machine.version, ...(isOwn && { config: await readFile(own, 'utf8') }) };
  const answer = await ask(path, `${JSON.stringify(question)}\n`, signal);
  if (answer.startsWith(FIRST_LINE)) return answer;
  const why = answer.split('\n', 1)[0]?.replace(/^cannot: /, '') || 'nothing was answered; see the journal';
  throw new CommandFailed(`no backup was made: ${why}`);
}

/** @throws {CommandFailed} where nobody makes backups */
async function ask(path: string, question: string, signal: AbortSignal): Promise<string> {
  const socket = createConnection(path);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const stop = () => socket.destroy(new Error('no backup came in time'));
  limit.addEventListener('abort', stop, { once: true });
  try {
    socket.write(question);
    return await text(socket);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandFailed(`no backup was made: ${why}; only a board has one`, { cause });
  } finally {
    limit.removeEventListener('abort', stop);
    socket.destroy();
  }
}
