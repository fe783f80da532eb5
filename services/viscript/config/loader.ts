import { isUtf8 } from 'node:buffer';
import { constants, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { dependencyProblems } from './dependencies.ts';
import { type Path, type ReadDocument, readDocument } from './document.ts';
import { ConfigError, type Problem } from './errors.ts';
import { type AlertsEntry, type AppEntry, type ConfigFile, configFile, MAX_APPS } from './file.ts';
import { MAX_FILE_BYTES } from './limits.ts';
import { problemsOf } from './problems.ts';
import type { AlertsConfig, AppConfig, Config } from './schema.ts';
import { parseDuration, parseSize } from './units.ts';
import { alertEvents, toMetrics } from './watching.ts';

/**
 * Reads the config file; `file` of the result is absolute.
 *
 * @throws {ConfigError} when the file cannot be read, or anything in it is wrong.
 */
export async function loadConfig(file: string): Promise<Config> {
  const text = decode(await readBounded(file), file);
  return { ...parseConfig(text, file), file: resolve(file) };
}

/**
 * Reads the text of a config file.
 *
 * @param file names it in errors, and is the `file` of the result.
 * @throws {ConfigError} with everything that is wrong.
 */
export function parseConfig(text: string, file: string): Config {
  if (text.length > MAX_FILE_BYTES) throw fileError(file, `is larger than ${MAX_FILE_BYTES} bytes`);
  const document = readDocument(text, file, isProgramText);
  const names = appNames(document.value);
  if (names.length > MAX_APPS) {
    const message = `${names.length} apps: at most ${MAX_APPS} are allowed`;
    throw new ConfigError([{ file, ...document.positionOfKey(['apps']), message }]);
  }

  const result = configFile.safeParse(document.value);
  const problems = [
    ...document.problems,
    ...(result.success ? [] : problemsOf(result.error.issues, document, file)),
    ...relationProblems(document, names, file),
  ];
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(result.data, file);
}

async function readBounded(file: string): Promise<Buffer> {
  try {
    // Opening a pipe waits for its writer, and a device might never end.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await handle.stat();
    if (!status.isFile()) throw fileError(file, 'is not a regular file');
    if (status.size > MAX_FILE_BYTES) throw fileError(file, `is larger than ${MAX_FILE_BYTES} bytes`);
    return await handle.readFile();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw fileError(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function fileError(file: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ file, line: 0, column: 0, message }], { cause });
}

function decode(bytes: Buffer, file: string): string {
  const text = bytes.toString('utf8');
  if (isUtf8(bytes)) return text;
  const encoded = Buffer.from(text);
  const wrong = bytes.findIndex((byte, index) => byte !== encoded[index]);
  const before = bytes.toString('utf8', 0, wrong).split('\n');
  const column = (before.at(-1) ?? '').length + 1;
  throw new ConfigError([{ file, line: before.length, column, message: 'not text in UTF-8' }]);
}

/** Arguments and variables reach the program as they are written: `010` is no 8, and `1.10` no 1.1. So do addresses. */
function isProgramText(path: Path): boolean {
  const [section, second, key] = path;
  if (section === 'alerts') return second === 'command';
  if (section === 'metrics') return second === 'listen';
  return section === 'apps' && (key === 'args' || key === 'default_args' || key === 'environment');
}

function appNames(root: unknown): string[] {
  const apps = property(root, 'apps');
  return isMap(apps) ? Object.keys(apps) : [];
}

/** What holds between entries: judged on the raw values, so that it is told even when single values are wrong. */
function relationProblems(document: ReadDocument, names: string[], file: string): Problem[] {
  const apps = property(document.value, 'apps');
  const dependencies = new Map(names.map((name) => [name, dependsOn(property(apps, name))]));
  const problems = dependencyProblems(dependencies).map(({ path, message }) => ({
    file,
    ...document.positionOf(path),
    message,
  }));
  for (const name of names) {
    const app = property(apps, name);
    if (!isMap(app) || !Object.hasOwn(app, 'args') || !Object.hasOwn(app, 'default_args')) continue;
    const message = `apps.${name}.args is the older name of default_args: give one of them`;
    problems.push({ file, ...document.positionOfKey(['apps', name, 'args']), message });
  }
  return problems;
}

function dependsOn(app: unknown): string[] {
  const list = property(app, 'depends_on');
  if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) return [];
  return list.slice(0, MAX_APPS);
}

function property(value: unknown, key: string): unknown {
  return isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
