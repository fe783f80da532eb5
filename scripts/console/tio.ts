import { readdir, readFile, readlink, realpath, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ImageError } from '../../image/error.ts';
import { isMissing } from '../../image/files.ts';
import type { LineSettings } from './line/settings.ts';
import { type ListedPort, listPorts } from './list.ts';
import type { Names } from './names-file.ts';
import type { Roots } from './ports/adapters.ts';
import { isSocketName } from './ports/socket.ts';

const BEGIN = '# skyminer console: begin; what stands up to the end is written anew by --export-tio';
const END = '# skyminer console: end';

/**
 * The owner's names and the sockets of other adapters as a configuration of tio (tio(1), "CONFIGURATION FILE"), where
 * they are sub-configurations, or profiles. tio has no names for sockets in its files, so each stands for the symbolic
 * link that udev makes for it. An adapter that is not plugged in has none yet, and is left out with a remark.
 */
export async function tioConfig(names: Names, settings: LineSettings, roots: Roots): Promise<string> {
  const links = await linksByDevice(roots);
  const ports = await listPorts(names, roots);
  const sections = ports.map((port) => section(port, links, settings, names));
  return [BEGIN, ...sections, END, ''].join('\n');
}

/**
 * Writes what {@link tioConfig} made into a file of tio's, in the place of what was written before, and leaves all the
 * rest as it is.
 *
 * @throws {ImageError} where the file has a section of its own with one of the names
 */
export async function writeTioConfig(file: string, config: string): Promise<void> {
  const target = await realpath(file).catch((error: unknown) => {
    if (isMissing(error)) return file;
    throw error;
  });
  const before = await readFile(target, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  const rest = withoutOurs(before, file);
  const own = new Set(sectionsOf(rest));
  const twice = sectionsOf(config).find((name) => own.has(name));
  if (twice !== undefined)
    throw new ImageError(`${file} has a section [${twice}] of its own: rename one of them.`);
  const part = `${target}.skyminer-${process.pid}`;
  await writeFile(part, `${rest === '' || rest.endsWith('\n') ? rest : `${rest}\n`}${config}`, {
    flag: 'wx',
  });
  await rename(part, target);
}

function section(
  { name, socket, device }: ListedPort,
  links: ReadonlyMap<string, string>,
  { baudRate, framing }: LineSettings,
  names: Names,
): string {
  if (device === '') return `# ${name}: nothing is plugged into ${socket} now\n`;
  const own = names.get(name)?.port;
  // A name of a path means the path, whatever is plugged in where.
  const path = own === undefined || isSocketName(own) ? undefined : own;
  const link = path ?? links.get(device);
  const isSocket = socket !== device;
  const remark =
    isSocket && link === undefined ? '# No udev here: another adapter may be called so tomorrow.\n' : '';
  const { dataBits = 8, stopBits = 1, parity = 'none', rtscts = false, xon = false } = framing;
  return `[${name || socket.replaceAll(':', '_')}]
${remark}device = ${link ?? device}
baudrate = ${names.get(name)?.baud ?? baudRate}
databits = ${dataBits}
stopbits = ${stopBits}
parity = ${parity}
flow = ${rtscts ? 'hard' : xon ? 'soft' : 'none'}
`;
}

/** udev's links by topology, by the devices that they lead to. */
async function linksByDevice({ dev }: Roots): Promise<Map<string, string>> {
  const folder = join(dev, 'serial/by-path');
  const links = new Map<string, string>();
  const entries = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  // Newer versions of udev make two for a device; the one that older ones make too comes first.
  for (const entry of entries.sort()) {
    const link = join(folder, entry);
    const device = resolve(folder, await readlink(link));
    if (!links.has(device)) links.set(device, link);
  }
  return links;
}

function withoutOurs(text: string, file: string): string {
  const start = text.indexOf(BEGIN);
  if (start < 0) return text;
  const end = text.indexOf(END, start);
  if (end < 0)
    throw new ImageError(`${file}: the line '${END}' is missing; put it behind what is written anew.`);
  return text.slice(0, start) + text.slice(end + END.length).replace(/^\n/, '');
}

function sectionsOf(text: string): string[] {
  return Array.from(text.matchAll(/^\s*\[([^\]\n]+)\]/gm), ([, name = '']) => name);
}
