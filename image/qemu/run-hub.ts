import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Hub } from './hub.ts';

export interface RunHubOptions {
  /** Unix socket that boards connect to. */
  path: string;
  seed?: number;
  /** Commands, one a line. */
  input: Readable;
  output: Writable;
  /** Aborting it ends the hub. */
  signal?: AbortSignal;
}

const USAGE = 'cut MAC · restore MAC · delay MAC MILLISECONDS · drop MAC PROBABILITY · show · help';

/** Runs a hub until its input ends or the signal is aborted, and does what each line of the input asks for. */
export async function runHub(options: RunHubOptions): Promise<void> {
  const { path, seed, input, output, signal } = options;
  await using hub = await Hub.listen(path, seed === undefined ? {} : { seed });
  output.write(`hub on ${hub.path}\n${USAGE}\n`);
  const lines = createInterface({ input, ...(signal === undefined ? {} : { signal }) });
  for await (const line of lines) {
    const words = line.trim().split(/\s+/);
    if (words[0] !== '') output.write(`${hubCommand(hub, words)}\n`);
  }
}

/** Runs one command on a hub and returns what to tell the person who typed it. */
export function hubCommand(hub: Hub, words: readonly string[]): string {
  const [verb = '', mac = '', value = ''] = words;
  try {
    switch (verb) {
      case 'cut':
        hub.cut(mac);
        return `${mac} is cut off`;
      case 'restore':
        hub.restore(mac);
        return `${mac} is as it should be`;
      case 'delay':
        hub.delay(mac, Number(value));
        return `${mac} is ${value} ms slower`;
      case 'drop':
        hub.drop(mac, Number(value));
        return `${mac} loses ${Number(value) * 100} % of its frames`;
      case 'show':
        return show(hub);
      default:
        return USAGE;
    }
  } catch (error) {
    if (error instanceof RangeError) return `${error.message}\n${USAGE}`;
    throw error;
  }
}

function show(hub: Hub): string {
  const ports = hub
    .addresses()
    .map((addresses, index) => `port ${index + 1}: ${addresses.join(' ') || 'silent'}`);
  const { forwarded, faulty, overflowed, malformed } = hub.counters;
  const counters = `${forwarded} frames forwarded, ${faulty} lost to faults, ${overflowed} to full queues`;
  return [...ports, `${counters}; ${malformed} ports closed for bad framing`].join('\n');
}
