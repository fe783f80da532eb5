import { randomBytes } from 'node:crypto';
import { type Shown, shown } from '../../net/control/messages.ts';
import type { Launch } from '../supervisor/launch.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { putAdded } from './apps.ts';
import { followFrom } from './attach.ts';
import {
  type Command,
  type CommandContext,
  CommandFailed,
  type CommandOption,
  UsageError,
} from './command.ts';
import { endOf } from './describe.ts';

const nodeOption: CommandOption = {
  flag: '--node',
  value: 'ADDR',
  help: 'the node to ask: HOST:PORT or the path of its Unix socket; else the one that runs here',
};

/** Commands that look at the mesh, or start its two smallest apps. */
export const meshCommands: readonly Command[] = [
  {
    name: 'mesh',
    aliases: [],
    usage: `${shown.join('|')}|members [take]`,
    arity: [1, 2],
    summary:
      'what the manager knows of the mesh: its nodes, links, routes, circuits or apps; the members of the rack',
    help: [
      '`members` shows the list that is in force at the node. `members take` reads a newer one, signed by the rack, from the',
      'input, and hands it to the node, which passes it on to the whole mesh: `ssh viscript@BOARD mesh members take < rack/members`.',
    ].join('\n'),
    options: [nodeOption],
    async run(context) {
      const [word = '', action] = context.args;
      if (action !== undefined && (word !== 'members' || action !== 'take'))
        throw new UsageError(
          `mesh: '${action}' is too much; only \`mesh members\` has more, and that is \`take\``,
        );
      if (word === 'members') {
        const { putMembers, takeMembers } = await import('./mesh-members.ts');
        return action === undefined
          ? putMembers(nodeOf(context), context)
          : takeMembers(nodeOf(context), context);
      }
      const what = shownOf(word);
      // Not loaded by those who have no mesh.
      const [{ showMesh }, { meshTable }] = await Promise.all([
        import('../../mesh/show.ts'),
        import('./mesh-tables.ts'),
      ]);
      const rows = await showMesh(nodeOf(context), what);
      context.put(rows, context.json ? '' : meshTable(what, rows));
      return undefined;
    },
  },
  {
    name: 'echo',
    aliases: [],
    usage: 'TARGET',
    arity: [1, 1],
    summary: 'send something over the mesh to an app that returns it, and say how long that takes',
    help: 'TARGET is KEY/APP, or APP wherever it is. `start meshnet-echo NAME NODEADDR` starts such an app.',
    options: [
      nodeOption,
      { flag: '-n', long: '--count', value: 'COUNT', help: 'round trips to measure (5)' },
    ],
    async run(context) {
      const { supervisor, args, options, signal } = context;
      const count = options.get('n');
      const launch = await supervisor.launch('meshnet-echo', [
        ...[nameOf('echo'), nodeOf(context), '--to', args[0] ?? ''],
        ...(typeof count === 'string' ? ['--count', count] : []),
      ]);
      await followOnce(launch, context);
      if (signal.aborted) return undefined;
      const { lastExit } = launch;
      if (lastExit?.code !== 0)
        throw new CommandFailed(`${launch.app.name} ${lastExit ? endOf(lastExit) : 'ended'}`);
      return undefined;
    },
  },
  {
    name: 'forward',
    aliases: [],
    usage: 'LISTEN TARGET',
    arity: [2, 2],
    summary: 'take TCP connections here and make them anew at another node',
    help: 'LISTEN is HOST:PORT or a port of 127.0.0.1; TARGET is KEY/APP, or APP, of a `meshnet-forward NAME NODEADDR --to HOST:PORT`.',
    options: [nodeOption],
    async run(context) {
      const { supervisor, args } = context;
      putAdded(
        context,
        await supervisor.launch('meshnet-forward', [nameOf('forward'), nodeOf(context), ...args]),
      );
      return undefined;
    },
  },
];

function shownOf(word: string): Shown {
  const what = shown.find((each) => each === word);
  if (what === undefined)
    throw new UsageError(`mesh: there is no '${word}'; give ${[...shown, 'members'].join(', ')}`);
  return what;
}

/** @throws {CommandFailed} when no node is named and none runs here */
function nodeOf({ supervisor, options }: CommandContext): string {
  const named = options.get('node');
  const address = typeof named === 'string' ? named : localNode(supervisor);
  if (address === undefined)
    throw new CommandFailed('no node is known here; start meshnet-node, or name one with --node ADDR');
  return address;
}

/** Where the node of this machine serves apps: the fourth argument of a node that runs, or else of one that could. */
export function localNode({ launches, config }: Supervisor): string | undefined {
  const running = launches.filter(({ app }) => app.path === nodeApp);
  const known = [...config.apps.values()].filter(({ path }) => path === nodeApp);
  return [...running, ...known].flatMap(({ args }) => args[3] ?? [])[0];
}

const nodeApp = 'meshnet-node';

/** A name that no other app has: whoever only connects is not looked for under it. */
function nameOf(what: string): string {
  return `${what}-${randomBytes(4).toString('hex')}`;
}

/** Shows what an app says until its process ends, which is not started again, or the person has enough. */
async function followOnce(launch: Launch, context: CommandContext): Promise<void> {
  const stop = () => {
    if (launch.state === 'failing') void launch.stop();
  };
  launch.on('change', stop);
  stop();
  await followFrom(launch, 1_000, context);
  await launch.stop();
}
