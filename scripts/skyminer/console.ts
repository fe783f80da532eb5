import { ImageError } from '../../image/error.ts';
import { UsageError } from '../../services/program/usage.ts';
import { stateFolder } from '../../services/signal/state-folder.ts';
import type { LineSettings } from '../console/line/settings.ts';
import { listPorts, listText } from '../console/list.ts';
import { type Names, readNames, usualNamesFile } from '../console/names-file.ts';
import { type Roots, SYSTEM } from '../console/ports/adapters.ts';
import { type ConsoleOptions, runConsole, type Surroundings, watchConsole } from '../console/run.ts';
import { tioConfig, writeTioConfig } from '../console/tio.ts';
import { type MappingName, mapper } from '../console/view/mapping.ts';
import type { StampFormat } from '../console/view/stamps.ts';
import { abortOnSignals } from '../lib/program.ts';

/** The command line of `skyminer console`, each value checked by itself. */
export interface ConsoleWords {
  list?: boolean;
  json?: boolean;
  watch?: string;
  exportTio?: boolean;
  out?: string;
  names?: string;
  baud: number;
  dataBits: '5' | '6' | '7' | '8';
  parity: 'none' | 'even' | 'odd';
  stopBits: '1' | '2';
  flow: 'none' | 'hard' | 'soft';
  byteDelay: number;
  lineDelay: number;
  map: MappingName[];
  timestamps?: boolean;
  timestampFormat?: StampFormat;
  localEcho?: boolean;
  hex?: boolean;
  reconnect: boolean;
  waitQuiet: number;
  log?: boolean;
  logFolder?: string;
  logSize: number;
  logKeep: number;
}

const MIB = 1024 * 1024;

/** `skyminer console`. @param roots where the kernel says what there is */
export async function openConsole(
  ports: readonly string[],
  words: ConsoleWords,
  roots: Roots = SYSTEM,
): Promise<void> {
  const deeds = [words.list, words.exportTio, words.watch].filter((word) => word !== undefined);
  if (deeds.length > 1) throw new UsageError('--list, --watch and --export-tio are one at a time');
  if (deeds.length === 1 && ports.length > 0) throw new UsageError(`${ports[0]}: no port is opened here`);
  if (words.json && !words.list) throw new UsageError('--json goes with --list');
  if (words.out !== undefined && !words.exportTio) throw new UsageError('--out goes with --export-tio');
  const names = await namesOf(words);
  const { stdin: input, stdout: output, stderr: messages, env: environment } = process;
  if (words.list) {
    const listed = await listPorts(names, roots);
    output.write(words.json ? `${JSON.stringify(listed, undefined, 2)}\n` : listText(listed));
    return;
  }
  if (words.exportTio) {
    const config = await tioConfig(names, settingsOf(words), roots);
    if (words.out === undefined) output.write(config);
    else await writeTioConfig(words.out, config);
    return;
  }
  const signal = abortOnSignals();
  const surroundings: Surroundings = { input, output, messages, environment, roots, signal };
  if (words.watch !== undefined) await watchConsole(words.watch, names, surroundings);
  else await runConsole(ports, optionsOf(words, names), surroundings);
}

async function namesOf({ names }: ConsoleWords): Promise<Names> {
  const found = await readNames(names ?? usualNamesFile(process.env));
  if (found === undefined && names !== undefined) throw new ImageError(`${names}: there is no such file`);
  return found ?? new Map();
}

function settingsOf(words: ConsoleWords): LineSettings {
  const { baud, dataBits, parity, stopBits, flow } = words;
  const bits = { '5': 5, '6': 6, '7': 7, '8': 8 } as const;
  return {
    baudRate: baud,
    framing: {
      dataBits: bits[dataBits],
      stopBits: stopBits === '2' ? 2 : 1,
      parity,
      ...{ rtscts: flow === 'hard', xon: flow === 'soft', xoff: flow === 'soft' },
    },
    pacing: { byteMs: words.byteDelay, lineMs: words.lineDelay },
  };
}

function optionsOf(words: ConsoleWords, names: Names): ConsoleOptions {
  const isLogged = words.log === true || words.logFolder !== undefined;
  const folder = words.logFolder ?? stateFolder('skyminer/console', process.env);
  const rotation = { maxBytes: words.logSize * MIB, keep: words.logKeep };
  return {
    names,
    settings: settingsOf(words),
    modes: {
      stamps: words.timestamps === true || words.timestampFormat !== undefined,
      stampFormat: words.timestampFormat ?? 'clock',
      hex: words.hex === true,
      echo: words.localEcho === true,
      mapOutput: mapper(words.map, 'input'),
      color: process.stdout.isTTY && !process.env.NO_COLOR,
    },
    mapInput: mapper(words.map, 'output'),
    reconnect: words.reconnect,
    quietMs: words.waitQuiet * 1000,
    ...(isLogged ? { log: { folder, rotation } } : {}),
  };
}
