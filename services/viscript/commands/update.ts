import type { UpdateClient } from '../update/client.ts';
import type { Progress } from '../update/protocol.ts';
import { type Command, type CommandContext, CommandFailed } from './command.ts';

/** The system's unit names the socket of the process that installs updates; there is none on a laptop. */
const SOCKET_VARIABLE = 'VISCRIPT_UPDATES';
/** A line of progress for so many percent. */
const STEP_PERCENT = 10;

/** Commands that change which system a board runs. */
export const updateCommands: readonly Command[] = [
  {
    name: 'update',
    aliases: [],
    usage: '[FILE|URL]',
    arity: [0, 1],
    summary: 'install a signed bundle into the other slot, which the next start takes; or say how far it is',
    help: [
      'FILE is a whole path on the board: `scp BUNDLE admin@BOARD:/data/update/`. A download that breaks goes on where it was,',
      'at once or with the next `update` of the same URL. A bundle for another board, or not signed by a key of this board,',
      'or older than what runs, changes nothing. The new system has three starts to prove good; else this one comes back.',
    ].join('\n'),
    options: [
      { flag: '--allow-downgrade', help: 'also install a version that is older than the one that runs' },
      { flag: '--reboot', help: 'restart the board into it at once' },
    ],
    completes: ['file'],
    async run(context) {
      const [source] = context.args;
      const updates = await updateClient();
      if (source === undefined) return putState(updates, context);
      const allowDowngrade = context.options.has('allow-downgrade');
      const installed = await updates.install(
        { source, allowDowngrade },
        progressLines((line) => context.text(line)),
        context.signal,
      );
      await putNext(installed, `slot ${installed.slot} has version ${installed.version}`, context);
      return undefined;
    },
  },
  {
    name: 'rollback',
    aliases: [],
    usage: '',
    arity: [0, 0],
    summary: 'go back to the system in the other slot with the next start',
    options: [{ flag: '--reboot', help: 'restart the board into it at once' }],
    async run(context) {
      const slot = await (await updateClient()).rollback();
      await putNext({ slot }, `slot ${slot} starts next`, context);
      return undefined;
    },
  },
  {
    name: 'reboot',
    aliases: [],
    usage: '',
    arity: [0, 0],
    summary: 'restart the whole board',
    async run({ put }) {
      await updateClient();
      // First: nobody is left to say so once it begins.
      put({ rebooting: true }, 'the board restarts\n');
      await reboot();
      return undefined;
    },
  },
];

/** Not loaded by those who update nothing. @throws {CommandFailed} where there is nothing to update */
async function updateClient(): Promise<UpdateClient> {
  const socket = process.env[SOCKET_VARIABLE];
  if (!socket) throw new CommandFailed('this is no board: it has one system, and that is not ours to change');
  const { UpdateClient } = await import('../update/client.ts');
  return new UpdateClient(socket);
}

async function putState(updates: UpdateClient, { put }: CommandContext): Promise<undefined> {
  const { progress } = await updates.state();
  put(
    { progress: progress ?? null },
    progress === undefined ? 'no update is under way\n' : progressLine(progress),
  );
}

async function putNext(data: object, said: string, { options, put }: CommandContext): Promise<void> {
  const rebooting = options.has('reboot');
  put({ ...data, rebooting }, `${said}; ${rebooting ? 'the board restarts' : "'reboot' starts it"}\n`);
  if (rebooting) await reboot();
}

async function reboot(): Promise<void> {
  const { rebootBoard } = await import('../update/reboot.ts');
  await rebootBoard();
}

/** Says something at each new step, and every so many percent of it. */
function progressLines(say: (line: string) => void): (progress: Progress) => void {
  let before: Progress | undefined;
  return (progress) => {
    // What a step counts, the bytes of a download for instance, stands in brackets.
    const isSame = before !== undefined && nameOf(before) === nameOf(progress);
    if (isSame && before !== undefined && progress.percent < before.percent + STEP_PERCENT) return;
    before = progress;
    say(progressLine(progress));
  };
}

function nameOf({ step }: Progress): string {
  return step.replace(/ \(.*/, '');
}

function progressLine({ percent, step }: Progress): string {
  return `${String(Math.round(percent)).padStart(3)} %  ${step}\n`;
}
