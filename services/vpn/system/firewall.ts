import { formatNetwork, type Network } from '../../net/ip.ts';
import { type Family, familyOfNetwork, withoutOverlap } from '../networks.ts';
import { command } from './command.ts';

/** Replaces a table of nftables by another one in a single transaction: at no moment is neither in force. */
export async function replaceTable(table: string, chains: string): Promise<void> {
  const script = `table inet ${table} {}\ndelete table inet ${table}\ntable inet ${table} {\n${chains}\n}\n`;
  await command('nft', ['-f', '-'], script);
}

/** Removes a table; it need not be there. */
export async function removeTable(table: string): Promise<void> {
  await command('nft', ['-f', '-'], `table inet ${table} {}\ndelete table inet ${table}\n`);
}

/** Whether there is a table of this name. */
export async function hasTable(table: string): Promise<boolean> {
  const tables = await command('nft', ['list', 'tables', 'inet']);
  return tables.split('\n').includes(`table inet ${table}`);
}

/** A set of networks as an expression of nftables; undefined when there are none of this family. */
export function networksOf(family: Family, networks: readonly Network[]): string | undefined {
  // nftables takes no networks that overlap.
  const ofFamily = withoutOverlap(networks).filter((network) => familyOfNetwork(network) === family);
  return ofFamily.length === 0 ? undefined : `{ ${ofFamily.map(formatNetwork).join(', ')} }`;
}
