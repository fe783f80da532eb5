import { formatNetwork, type Network } from '../../net/ip.ts';
import { fail, list, number, shape } from '../../signal/shape.ts';
import { type Family, familyOfNetwork } from '../networks.ts';
import { command } from './command.ts';
import { batch } from './interface.ts';
import { PRIORITIES } from './names.ts';

export interface Routes {
  /** The interface of the tunnel. */
  device: string;
  /** Number of the table for default routes, and priority of the first rule. */
  table: number;
  /** What goes into the tunnel. */
  into: readonly Network[];
  /** What never does: the ways of the mesh itself. */
  except: readonly Network[];
  /** The user whose traffic never does: the node's, where it has one of its own. */
  exceptUser: number | undefined;
}

/** Marks our rules among others (`ip rule … protocol`), like routing daemons mark theirs. */
const PROTOCOL = 83;

/**
 * Leads networks into the tunnel. Single networks are routes like any other. A default route stands in a table of its
 * own, which is asked when the main table knows nothing better than its default route: so neighbours stay neighbours,
 * and the main table is as it was.
 * @throws {CommandFailed} also when a route to one of the networks is there already
 */
export async function addRoutes(routes: Routes): Promise<void> {
  for (const family of [4, 6] as const) {
    const into = routes.into.filter((network) => familyOfNetwork(network) === family);
    const single = into.filter(({ prefix }) => prefix > 0);
    await batch(
      family,
      single.map((network) => `route add ${formatNetwork(network)} dev ${routes.device}`),
    );
    if (single.length < into.length) await batch(family, defaultRoute(family, routes));
  }
}

/** Keeps more networks, and another user's traffic, out of default routes that were added before. */
export async function addExceptions({ into, ...exceptions }: Omit<Routes, 'device'>): Promise<void> {
  for (const family of [4, 6] as const) {
    const hasDefault = into.some((network) => network.prefix === 0 && familyOfNetwork(network) === family);
    if (hasDefault) await batch(family, exceptionRules(family, exceptions));
  }
}

/** Removes the rules; the routes go with the interface. Rules that a killed run left behind are found as well. */
export async function removeRules(table: number): Promise<void> {
  for (const family of [4, 6] as const) {
    const priorities = await ourRules(family, table);
    await batch(
      family,
      priorities.map((priority) => `rule delete priority ${priority} protocol ${PROTOCOL}`),
    );
  }
}

function defaultRoute(family: Family, routes: Routes): string[] {
  const { device, table } = routes;
  return [
    `route add default dev ${device} table ${table}`,
    ...exceptionRules(family, routes),
    rule(table + 2, 'lookup main suppress_prefixlength 0'),
    rule(table + 3, `lookup ${table}`),
  ];
}

type Exceptions = Pick<Routes, 'table' | 'except' | 'exceptUser'>;

function exceptionRules(family: Family, { table, except, exceptUser }: Exceptions): string[] {
  const ofFamily = except.filter((network) => familyOfNetwork(network) === family);
  const selectors = [
    ...(exceptUser === undefined ? [] : [`uidrange ${exceptUser}-${exceptUser}`]),
    ...ofFamily.map((network) => `to ${formatNetwork(network)}`),
  ];
  // Where the main table leads nowhere, it is nowhere: through the tunnel the mesh would only reach itself.
  return selectors.flatMap((selector) => [
    rule(table, `${selector} lookup main`),
    rule(table + 1, `${selector} unreachable`),
  ]);
}

function rule(priority: number, what: string): string {
  return `rule add priority ${priority} protocol ${PROTOCOL} ${what}`;
}

const listedRule = shape((fields) => ({
  priority: number(fields, 'priority'),
  protocol: Number(fields.protocol ?? 0),
}));

/** Priorities of the rules that belong to this table number, each as often as it is there. */
async function ourRules(family: Family, table: number): Promise<number[]> {
  const output = await command('ip', [`-${family}`, '-json', '-details', 'rule', 'show']);
  const rules: unknown = JSON.parse(output);
  if (!Array.isArray(rules)) fail('rules', 'a list');
  return list({ rules }, 'rules')
    .map(listedRule.parse)
    .filter(({ priority, protocol }) => protocol === PROTOCOL && isOurs(priority, table))
    .map(({ priority }) => priority);
}

function isOurs(priority: number, table: number): boolean {
  return priority >= table && priority < table + PRIORITIES;
}
