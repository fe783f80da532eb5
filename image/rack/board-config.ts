import { parseDocument } from 'yaml';
import type { Member, Membership } from '../../services/net/membership.ts';
import { RackError } from './error.ts';
import { MANAGER_PORT, type Told } from './told.ts';

/** Where the node of a board listens for apps: `/usr/lib/tmpfiles.d/skyminer.conf` makes the folder. */
export const NODE_SOCKET = '/run/skywire/node.sock';

/** Where the apptracker of a board with a manager listens. */
const TRACKER = '127.0.0.1:20000';
/** What systemd hands to the units of node and manager: their drop-ins on the image. */
const NODE_FILES = '/run/credentials/viscript-app-mesh@meshnet-node.service';
const MANAGER_FILES = '/run/credentials/viscript-app@meshnet-nm.service';

const HEAD = ` Made of the packaged config file, of what this board was told of its rack (/data/skyminer), and of its board file. To
 change it for good, copy it to /data/viscript/config.yaml, which takes its place.`;

/** What a board was told of its rack, and the newest list of members that it knows. */
export interface Place {
  told: Told;
  membership: Membership;
}

/** What a board starts by itself. */
export interface Starts {
  /** Undefined: it belongs to no rack. */
  place: Place | undefined;
  /** By name; without arguments those of the image. */
  apps: Readonly<Record<string, { args: string[] | undefined }>>;
}

/**
 * The config file of a board: what the image has, with the node started by itself where it belongs to a rack, apptracker and
 * manager where it has that role, and the apps that its board file names.
 *
 * @param packaged the text of the image's config file
 * @returns with it, the names of apps that the image does not have
 * @throws {RackError} when the list does not have this board
 */
export function boardConfig(packaged: string, { place, apps }: Starts): { text: string; unknown: string[] } {
  const config = parseDocument(packaged);
  const starts = (app: string, changes: Record<string, unknown>) => {
    const all = { autostart: true, restart: 'always', ...changes };
    for (const [key, value] of Object.entries(all))
      config.setIn(['apps', app, key], config.createNode(value));
  };
  const unknown: string[] = [];
  for (const [app, { args }] of Object.entries(apps)) {
    const usesNode = config.getIn(['apps', app, 'mesh']) === true && place !== undefined;
    if (!config.hasIn(['apps', app])) unknown.push(app);
    else
      starts(app, {
        ...(args === undefined ? {} : { default_args: args }),
        ...(usesNode ? { depends_on: ['meshnet-node'] } : {}),
      });
  }
  if (place !== undefined)
    startMesh(place, (app, changes) => starts(app, { path: app, daemon: true, ...changes }));
  config.commentBefore = HEAD;
  return { text: config.toString({ lineWidth: 0 }), unknown };
}

function startMesh(
  { told, membership }: Place,
  starts: (app: string, changes: Record<string, unknown>) => void,
): void {
  const member = membership.members.find(({ board }) => board === told.board);
  if (member === undefined)
    throw new RackError(
      `list number ${membership.number} of the rack ${membership.rack} has no board ${told.board}`,
    );
  const manages = member.roles.includes('manager');
  if (manages || member.roles.includes('apptracker')) starts('apptracker', { default_args: [TRACKER] });
  if (manages)
    starts('meshnet-nm', { default_args: managerArguments(told, membership), depends_on: ['apptracker'] });
  starts('meshnet-node', {
    default_args: nodeArguments(told, membership, member),
    mesh: true,
    depends_on: manages ? ['meshnet-nm'] : [],
  });
}

function managerArguments({ domain }: Told, { rack }: Membership): string[] {
  return [domain, `0.0.0.0:${MANAGER_PORT}`, TRACKER, ...files(MANAGER_FILES), '--rack', rack];
}

function nodeArguments({ manager, listen }: Told, { rack }: Membership, { board }: Member): string[] {
  const [first = '', ...more] = listen;
  return [
    ...[first, manager, 'true', NODE_SOCKET, board, ...files(NODE_FILES), '--rack', rack],
    ...more.flatMap((address) => ['--address', address]),
  ];
}

function files(folder: string): string[] {
  return ['--key', `${folder}/identity.key`, '--members', `${folder}/members`];
}
