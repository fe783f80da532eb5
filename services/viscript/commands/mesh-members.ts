import { offerMembers, showMembers } from '../../mesh/members.ts';
import type { ShownMembers } from '../../net/control/shown.ts';
import { MAX_LIST_BYTES } from '../../net/membership.ts';
import { type CommandContext, CommandFailed } from './command.ts';
import { printable, table } from './format.ts';

/** `mesh members`: who belongs to the rack by the list that is in force at a node. */
export async function putMembers(node: string, context: CommandContext): Promise<undefined> {
  const shown = await showMembers(node);
  const board = shown.members.find(({ key }) => key === shown.key)?.board ?? null;
  context.put({ ...shown, board }, context.json ? '' : membersTable(shown));
  return undefined;
}

/** `mesh members take`: hands the list that comes as input to a node. @throws {CommandFailed} */
export async function takeMembers(node: string, context: CommandContext): Promise<undefined> {
  if (context.columns > 0) context.text('Paste the signed list.\n');
  const text = await signedText(context);
  if (context.signal.aborted) return undefined;
  if (text.trim() === '')
    throw new CommandFailed('no list came; give it as input: mesh members take < members');
  const taken = await offerMembers(node, text);
  const { number } = await showMembers(node);
  const offered = Number(/^number (\d{1,15})$/m.exec(text)?.[1]);
  if (!taken && offered < number)
    throw new CommandFailed(
      `list ${offered} is not taken: list ${number} is in force, and lists never go back`,
    );
  context.put({ taken, number }, `list ${number} is in force${taken ? '' : ' already'}\n`);
  return undefined;
}

/** What comes up to a list's last line, or to the end of the input. @throws {CommandFailed} when there is no end of it */
async function signedText({ input, signal }: CommandContext): Promise<string> {
  const over = Promise.withResolvers<void>();
  const stop = () => over.resolve();
  signal.addEventListener('abort', stop, { once: true });
  let text = '';
  const read = async () => {
    for await (const piece of input) {
      text += piece.replaceAll('\r', '');
      if (text.length > MAX_LIST_BYTES)
        throw new CommandFailed(`more than ${MAX_LIST_BYTES} bytes: this is no list of members`);
      if (/\nsignature [0-9a-f]+\n$/.test(text.slice(-150))) return;
    }
  };
  try {
    await Promise.race([read(), over.promise]);
    return text;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function membersTable({ rack, number, members, key: here }: ShownMembers): string {
  if (rack === null) return 'this node has no list of members\n';
  const rows = members.map(({ board, key, roles }) => [
    ...[board, roles.join(','), key === here ? 'this one' : '', key].map(printable),
  ]);
  const boards = members.length === 1 ? '1 board' : `${members.length} boards`;
  return `list ${number} of the rack ${rack}, ${boards}\n${table(['BOARD', 'ROLES', '', 'KEY'], rows)}`;
}
