import { readdir } from 'node:fs/promises';
import { expose, type Metric } from '../../metrics/exposition.ts';
import type { KernelUsage } from '../launcher/launcher.ts';
import type { Temperature } from '../temperatures.ts';
import { timeOf } from './moment.ts';
import type { Supervisor } from './supervisor.ts';

/** What `viscript_build_info` says, and the sensors of the machine. */
export interface Machine {
  version: string;
  slot: string | undefined;
  temperatures(): Promise<Temperature[]>;
}

/** The figures of the supervisor and its apps as they are now, as Prometheus reads them. */
export async function figuresOf(supervisor: Supervisor, machine: Machine): Promise<string> {
  const apps = await Promise.all(
    [...supervisor.config.apps.keys()].map((app) => measureApp(app, supervisor)),
  );
  return expose([...metricsOfApps(apps), ...(await ownMetrics(supervisor, machine))]);
}

interface AppFigures {
  app: string;
  up: boolean;
  launches: number;
  looping: boolean;
  failures: number;
  restarts: [kind: string, count: number][];
  /** Of the launches that run; undefined where none does. */
  usage: Pick<KernelUsage, 'rss' | 'cpuSeconds'> | undefined;
  /** When the newest process was started, milliseconds since 1970; undefined where none runs. */
  startedAt: number | undefined;
}

async function measureApp(app: string, supervisor: Supervisor): Promise<AppFigures> {
  const launches = supervisor.launches.filter((launch) => launch.app.name === app);
  const running = launches.filter(({ pid }) => pid !== undefined);
  const usages = (await Promise.all(running.map((launch) => launch.kernelUsage()))).filter(
    (usage) => usage !== undefined,
  );
  const sum = (figure: 'rss' | 'cpuSeconds') => usages.reduce((total, usage) => total + usage[figure], 0);
  return {
    app,
    up: launches.some(({ state }) => state === 'ready'),
    launches: launches.length,
    looping: launches.some(({ crashLoops }) => crashLoops),
    failures: Math.max(0, ...launches.map(({ failures }) => failures)),
    restarts: Object.entries(supervisor.historyOf(app).restarts),
    usage: usages.length > 0 ? { rss: sum('rss'), cpuSeconds: sum('cpuSeconds') } : undefined,
    startedAt: running.length > 0 ? Math.max(...running.map(({ startedAt }) => startedAt)) : undefined,
  };
}

function metricsOfApps(apps: AppFigures[]): Metric[] {
  const samples = (figureOf: (app: AppFigures) => number | boolean | undefined) =>
    apps.flatMap((figures) => {
      const value = figureOf(figures);
      return value === undefined ? [] : [{ labels: { app: figures.app }, value: Number(value) }];
    });
  const total = ({ restarts }: AppFigures) => restarts.reduce((sum, [, count]) => sum + count, 0);
  const byReason = apps.flatMap(({ app, restarts }) =>
    restarts.map(([reason, value]) => ({ labels: { app, reason }, value })),
  );
  return [
    gauge(
      'viscript_app_up',
      'Whether the app is ready.',
      samples(({ up }) => up),
    ),
    gauge(
      'viscript_app_launches',
      'Launches of the app that are not over: those that run, and those that wait to be started again.',
      samples(({ launches }) => launches),
    ),
    counter(
      'viscript_app_restarts_total',
      'How often the app was started again after it had ended.',
      samples(total),
    ),
    counter(
      'viscript_app_restarts_by_reason_total',
      'How often the app was started again, by why it had ended.',
      byReason,
    ),
    gauge(
      'viscript_app_crash_loop',
      'Whether the app ends time and again.',
      samples(({ looping }) => looping),
    ),
    gauge(
      'viscript_app_failures_in_a_row',
      'How often the app has ended since it was last stable.',
      samples(({ failures }) => failures),
    ),
    gauge(
      'viscript_app_resident_memory_bytes',
      'Resident memory of all processes of the app.',
      samples(({ usage }) => usage?.rss),
    ),
    counter(
      'viscript_app_cpu_seconds_total',
      'Processor time that the launches of the app that run have used.',
      samples(({ usage }) => usage?.cpuSeconds),
    ),
    gauge(
      'viscript_app_start_time_seconds',
      'When the newest process of the app was started, in seconds since 1970.',
      samples(({ startedAt }) => startedAt && startedAt / 1000),
    ),
  ];
}

async function ownMetrics(
  supervisor: Supervisor,
  { version, slot, temperatures }: Machine,
): Promise<Metric[]> {
  const { user, system } = process.cpuUsage();
  const descriptors = await readdir('/proc/self/fd');
  const sensors = await temperatures();
  const started = timeOf(supervisor.started) / 1000;
  return [
    gauge('viscript_build_info', 'What runs here; always 1.', [
      { labels: { version, node: process.version, slot: slot ?? '' }, value: 1 },
    ]),
    gauge('process_start_time_seconds', 'When the supervisor was started, in seconds since 1970.', [
      { value: started },
    ]),
    gauge('process_resident_memory_bytes', 'Resident memory of the supervisor.', [
      { value: process.memoryUsage.rss() },
    ]),
    counter('process_cpu_seconds_total', 'Processor time that the supervisor has used.', [
      { value: (user + system) / 1_000_000 },
    ]),
    gauge('process_open_fds', 'Open descriptors of the supervisor.', [{ value: descriptors.length }]),
    gauge(
      'board_temperature_celsius',
      'What a sensor of the machine says, in degrees Celsius.',
      sensors.map(({ zone, celsius }) => ({ labels: { zone }, value: celsius })),
    ),
  ];
}

function gauge(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, type: 'gauge', help, samples };
}

function counter(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, type: 'counter', help, samples };
}
