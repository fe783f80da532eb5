import { join } from 'node:path';
import { writeDurably } from '../../../services/net/durable-file.ts';
import { loadConfig, parseConfig } from '../../../services/viscript/config/index.ts';
import { LastGoodConfig, readLastGood } from '../../../services/viscript/config/last-good.ts';
import { expectKept, expectVersion, type Writer } from './writer.ts';

/** So many apps make a config of several blocks. */
const APPS = 120;

/** The config that worked last, kept at each reload with which viscript is in service. */
export const config: Writer = {
  async write(folder, kept, signal) {
    const file = join(folder, 'config.yaml');
    const good = new LastGoodConfig(join(folder, 'config.good.json'));
    for (let version = 1; !signal.aborted; version++) {
      await writeDurably(file, textOf(version), 0o644);
      await good.load(file, loadConfig);
      await good.keep();
      kept(version);
    }
  },
  async check(folder, kept) {
    const text = (await readLastGood(join(folder, 'config.good.json')))?.text;
    const version = text === undefined ? 0 : versionIn(text);
    expectKept(version, kept, 'config that worked last');
    if (version > 0) expectVersion(text, textOf(version), 'config that worked last');
  },
};

function versionIn(text: string): number {
  return Number(parseConfig(text, 'config.yaml').apps.get('app0')?.environment.VERSION);
}

function textOf(version: number): string {
  const apps = Array.from(
    { length: APPS },
    (_, index) => `  app${index}:\n    path: /bin/true\n    environment: { VERSION: ${version} }\n`,
  );
  return `apps:\n${apps.join('')}`;
}
