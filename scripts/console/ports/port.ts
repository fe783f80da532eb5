import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ImageError } from '../../../image/error.ts';
import { nearest } from '../../../services/yaml/index.ts';
import { harmless } from '../harmless.ts';
import type { Names } from '../names-file.ts';
import type { Roots } from './adapters.ts';
import { Plugged } from './plugged.ts';
import { isSocketName } from './socket.ts';

/** A serial port that the owner means, whether it is there at the moment or not. */
export interface Port {
  /** What it is called on the screen: the owner's name, a socket or a path. */
  label: string;
  /** The socket or the path: the same whatever it is called. */
  place: string;
  /** Bits a second, where the owner's names say them. */
  baud: number | undefined;
  /** Path of its device now; undefined when it is not there. */
  find(): Promise<string | undefined>;
  /** Where something changes when it comes, and which entries of that folder matter. */
  watched: { folder: string; wanted: (name: string) => boolean };
}

/**
 * The ports that words mean: the owner's names, sockets, paths, or names of devices in `/dev`.
 *
 * @throws {ImageError} for a word that means none, or two that mean the same
 */
export async function portsOf(words: readonly string[], names: Names, roots: Roots): Promise<Port[]> {
  return portsNow(words, names, roots, await Plugged.look(roots));
}

/** All that have a name, and all adapters that are plugged in and have none. @throws {ImageError} as above */
export async function allPorts(names: Names, roots: Roots): Promise<Port[]> {
  const plugged = await Plugged.look(roots);
  const places = Array.from(names.values(), ({ port }) => port);
  const others = plugged.adapters.filter(({ name }) => !places.some((place) => plugged.same(place, name)));
  return portsNow([...names.keys(), ...others.map(({ name }) => name)], names, roots, plugged);
}

function portsNow(words: readonly string[], names: Names, roots: Roots, plugged: Plugged): Port[] {
  const ports = words.map((word) => portOf(word, names, roots, plugged));
  for (const [index, { place, label }] of ports.entries()) {
    const other = ports.findIndex((port) => plugged.same(port.place, place));
    if (other < index) throw new ImageError(`${label} and ${ports[other]?.label} are the same port.`);
  }
  return ports;
}

function portOf(word: string, names: Names, roots: Roots, plugged: Plugged): Port {
  const named = names.get(word);
  if (named !== undefined) return portAt(word, named.port, named.baud, roots);
  const path = word.includes('/') ? resolve(word) : join(roots.dev, word);
  const place = isSocketName(word) ? word : path;
  const owner =
    [...names].find(([, { port }]) => port === place) ??
    [...names].find(([, { port }]) => plugged.same(port, place));
  if (owner !== undefined) return portAt(owner[0], owner[1].port, owner[1].baud, roots);
  if (isSocketName(word) || word.includes('/')) return portAt(word, word, undefined, roots);
  if (/^tty[\w.-]+$/.test(word) || existsSync(path)) return portAt(word, path, undefined, roots);
  const close = nearest(word, names.keys());
  const hint = close === undefined ? '' : ` Did you mean ${close}?`;
  throw new ImageError(
    `${harmless(word)}: no name, socket or device.${hint} 'skyminer console --list' shows what there is.`,
  );
}

function portAt(label: string, place: string, baud: number | undefined, roots: Roots): Port {
  if (isSocketName(place)) {
    return {
      ...{ label, place, baud },
      find: async () => (await Plugged.look(roots)).at(place)?.device,
      watched: { folder: roots.dev, wanted: (name) => name.startsWith('tty') },
    };
  }
  const path = resolve(place);
  return {
    ...{ label, place: path, baud },
    find: async () => (existsSync(path) ? path : undefined),
    watched: { folder: dirname(path), wanted: (name) => name === basename(path) },
  };
}
