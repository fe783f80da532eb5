import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RootShell } from './root-shell.ts';

/** What listens on a board, one text each, sorted. */
export interface Listeners {
  /** `PROTOCOL ADDRESS:PORT UNIT`. */
  ports: string[];
  /** `PATH MODE USER:GROUP` of Unix sockets, but for those of systemd and D-Bus. */
  sockets: string[];
}

/** What the tables of SECURITY.md say of a board that belongs to a rack and manages it. */
export async function documentedListeners(): Promise<Listeners> {
  const document = await readFile(join(import.meta.dirname, '../../SECURITY.md'), 'utf8');
  const [, section = ''] = /^### On a board$(.*?)^### /ms.exec(document) ?? [];
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map(wordsInCode));
  const lines = rows.flatMap(([, listeners = [], owners = []]) =>
    listeners.map((each) => `${each} ${owners[0]}`),
  );
  const isPath = (line: string) => line.startsWith('/');
  return { ports: lines.filter((line) => !isPath(line)).sort(), sockets: lines.filter(isPath).sort() };
}

/** What listens on a board that runs. */
export async function listenersOf(root: RootShell): Promise<Listeners> {
  const [ports, sockets] = [await portsOf(root), await socketsOf(root)];
  return { ports: ports.sort(), sockets: sockets.sort() };
}

async function portsOf(root: RootShell): Promise<string[]> {
  const listing = (await root.text('ss -Hlntuwp')).split('\n').map((line) => line.trim().split(/\s+/));
  const found = new Set<string>();
  for (const [protocol, , , , local = '', , process = ''] of listing) {
    const [, pid = ''] = /pid=(\d+)/.exec(process) ?? [];
    const unit = pid === '' ? 'kernel' : (await root.text(`cat /proc/${pid}/cgroup`)).split('/').at(-1);
    // The address is the network's choice.
    const address = local.replace(/%[^:\]]+/, '').replace(/^.*:68$/, 'ADDRESS:68');
    found.add(`${protocol} ${address} ${unit}`);
  }
  return [...found];
}

async function socketsOf(root: RootShell): Promise<string[]> {
  const listing = await root.text("ss -Hlx | awk '{ print $5 }'");
  const paths = [...new Set(listing.split('\n'))].filter(
    (path) => !/^\/run\/(systemd|dbus|udev)\//.test(path),
  );
  return (await root.text(`stat -c '%n %a %U:%G' ${paths.map((path) => `'${path}'`).join(' ')}`)).split('\n');
}

function wordsInCode(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, words = '']) => words);
}
