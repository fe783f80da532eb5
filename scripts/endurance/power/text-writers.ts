import { join } from 'node:path';
import { pause } from '../../../services/signal/pause.ts';
import { readLog } from '../../../services/viscript/supervisor/kept-log.ts';
import { LogFile } from '../../../services/viscript/supervisor/log-file.ts';
import { History } from '../../../services/viscript/terminal/history.ts';
import { Lost, type Writer } from './writer.ts';

/** Lines after which the history begins a new file: few, so that it does so often. */
const HISTORY_LINES = 40;
const LOG = 'app.log';

/** Lines that were typed. Nobody waits for them to be on the disk: what is there must be lines as they were typed. */
export const history: Writer = {
  async write(folder, _kept, signal) {
    const lines = await History.open(join(folder, 'history'), HISTORY_LINES);
    for (let version = 1; !signal.aborted; version++) {
      await lines.add(lineOf(version));
      await pause(1, signal);
    }
  },
  async check(folder) {
    expectLines((await History.open(join(folder, 'history'), HISTORY_LINES)).entries, 'history');
  },
};

/** Lines that an app wrote, in files that are set aside as they grow. Nobody waits for them either. */
export const logs: Writer = {
  async write(folder, _kept, signal) {
    const log = new LogFile(join(folder, LOG), rethrow);
    for (let version = 1; !signal.aborted; version++) {
      log.write({ app: 'echo', id: 1, time: version, stream: 'stdout', text: lineOf(version) });
      if (version % 200 === 0) await log.settled();
    }
    await log.close();
  },
  async check(folder) {
    const found: string[] = [];
    for await (const lines of readLog('echo', new LogFile(join(folder, LOG), rethrow)))
      found.push(...lines.map(({ text }) => text));
    expectLines(found, 'log of an app');
  },
};

/** @throws {Lost} unless every line is one that was written, and whole, in the order in which they were written */
function expectLines(lines: readonly string[], what: string): void {
  let before = 0;
  for (const line of lines) {
    const version = Number(line.split(' ', 1)[0]);
    if (line !== lineOf(version)) throw new Lost(`${what}: ${JSON.stringify(line)} was never written`);
    if (version <= before) throw new Lost(`${what}: line ${version} comes after line ${before}`);
    before = version;
  }
}

function lineOf(version: number): string {
  return `${version} ${'-'.repeat(version % 89)}.`;
}

/** A log file tells what its disk says, and goes on: here that is the end. */
function rethrow(problem: Error): never {
  throw problem;
}
