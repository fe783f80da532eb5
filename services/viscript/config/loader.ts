import { resolve } from 'node:path';
import { type Format, type Path, parseText, type Remark, readText, TooMuch } from '../../yaml/index.ts';
import { isMap, property } from '../../yaml/raw.ts';
import { dependencyProblems } from './dependencies.ts';
import { type AlertsEntry, type AppEntry, type ConfigFile, configFile, MAX_APPS } from './file.ts';
import { MAX_FILE_BYTES } from './limits.ts';
import type { AlertsConfig, AppConfig, Config } from './schema.ts';
import { parseDuration, parseSize } from './units.ts';
import { alertEvents, toMetrics } from './watching.ts';

const format: Format<typeof configFile> = {
  schema: configFile,
  maxBytes: MAX_FILE_BYTES,
  isText: isProgramText,
  respell: asCapability,
  check: relationProblems,
};

/**
 * Reads the config file; `file` of the result is absolute.
 *
 * @throws {InvalidFile} when the file cannot be read, or anything in it is wrong.
 */
export async function loadConfig(file: string): Promise<Config> {
  const text = await readText(file, MAX_FILE_BYTES);
  return { ...parseConfig(text, file), file: resolve(file) };
}

/**
 * Reads the text of a config file.
 *
 * @param file names it in errors, and is the `file` of the result.
 * @throws {InvalidFile} with everything that is wrong.
 */
export function parseConfig(text: string, file: string): Config {
  return toConfig(parseText(text, file, format), file);
}

/** Arguments and variables reach the program as they are written: `010` is no 8, and `1.10` no 1.1. So do addresses. */
function isProgramText(path: Path): boolean {
  const [section, second, key] = path;
  if (section === 'alerts') return second === 'command';
  if (section === 'metrics') return second === 'listen';
  return section === 'apps' && (key === 'args' || key === 'default_args' || key === 'environment');
}

/** Capabilities are often named without what they begin with. */
function asCapability(word: string): string {
  const name = word.toUpperCase();
  return name.startsWith('CAP_') ? name : `CAP_${name}`;
}

/** What holds between entries: judged on the raw values, so that it is told even when single values are wrong. */
function relationProblems(root: unknown): Remark[] {
  const apps = property(root, 'apps');
  const names = isMap(apps) ? Object.keys(apps) : [];
  if (names.length > MAX_APPS)
    throw new TooMuch(['apps'], `${names.length} apps: at most ${MAX_APPS} are allowed`);
  const dependencies = new Map(names.map((name) => [name, dependsOn(property(apps, name))]));
  const problems = dependencyProblems(dependencies);
  for (const name of names) {
    const app = property(apps, name);
    if (!isMap(app) || !Object.hasOwn(app, 'args') || !Object.hasOwn(app, 'default_args')) continue;
    const message = `apps.${name}.args is the older name of default_args: give one of them`;
    problems.push({ path: ['apps', name, 'args'], key: true, message });
  }
  return problems;
}

function dependsOn(app: unknown): string[] {
  const list = property(app, 'depends_on');
  if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) return [];
  return list.slice(0, MAX_APPS);
}

function toConfig(raw: ConfigFile, file: string): Config {
  return {
    file,
    apps: new Map(Object.entries(raw.apps ?? {}).map(([name, entry]) => [name, toApp(name, entry)])),
    settings: {
      verboseInput: raw.settings?.verboseInput ?? false,
      verifyParsingByPrinting: raw.settings?.verifyParsingByPrinting ?? false,
      runHeadless: raw.settings?.runHeadless ?? false,
    },
    metrics: toMetrics(raw.metrics?.listen),
    alerts: raw.alerts ? toAlerts(raw.alerts) : undefined,
  };
}

function toAlerts({ command, timeout, events }: AlertsEntry): AlertsConfig {
  const [program = '', ...words] = command.map(String);
  return {
    command: [program, ...words],
    timeoutMs: parseDuration(timeout ?? '30s'),
    events: [...new Set(events ?? alertEvents)],
  };
}

function toApp(name: string, entry: AppEntry): AppConfig {
  const { healthcheck, limits, environment } = entry;
  return {
    name,
    path: entry.path,
    args: [entry.default_args ?? entry.args ?? []].flat().map(String),
    daemon: entry.daemon ?? false,
    desc: entry.desc ?? '',
    help: entry.help ?? '',
    autostart: entry.autostart ?? false,
    dependsOn: [...new Set(entry.depends_on)],
    restart: entry.restart ?? 'on-failure',
    stopGraceMs: parseDuration(entry.stop_grace_period ?? '10s'),
    environment: Object.fromEntries(
      Object.entries(environment ?? {}).map(([variable, value]) => [variable, String(value ?? '')]),
    ),
    healthcheck: healthcheck
      ? {
          intervalMs: parseDuration(healthcheck.interval ?? '10s'),
          timeoutMs: parseDuration(healthcheck.timeout ?? '5s'),
          retries: healthcheck.retries ?? 3,
          startPeriodMs: parseDuration(healthcheck.start_period ?? '30s'),
        }
      : undefined,
    limits: {
      ...(limits?.memory !== undefined && { memory: parseSize(limits.memory) }),
      ...(limits?.cpus !== undefined && { cpus: limits.cpus }),
      ...(limits?.pids !== undefined && { pids: limits.pids }),
      ...(limits?.disk !== undefined && { disk: parseSize(limits.disk) }),
    },
    capabilities: [...new Set(entry.capabilities)],
    mesh: entry.mesh ?? false,
  };
}
