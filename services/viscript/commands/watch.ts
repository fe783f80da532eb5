import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { LimitsConfig } from '../config/schema.ts';
import type { Launch } from '../supervisor/launch.ts';
import type { Usage } from '../supervisor/usage.ts';
import { type Command, CommandFailed } from './command.ts';
import { formatBytes, formatMilliseconds } from './format.ts';

/** How often `-f` measures again, milliseconds. */
const refreshMs = 1000;

/** Commands that look at what is running. */
export const watchCommands: readonly Command[] = [
  {
    name: 'ping',
    aliases: [],
    usage: 'ID',
    arity: [1, 1],
    summary: 'ask an app whether it answers, and how fast',
    completes: ['id'],
    async run({ supervisor, args, put }) {
      const launch = supervisor.get(args[0] ?? '');
      if (launch.session === undefined) {
        throw new CommandFailed(`${title(launch)} cannot be pinged: it ${whySilent(launch)}`);
      }
      const milliseconds = await launch.session.ping();
      put(
        { id: launch.id, app: launch.app.name, milliseconds },
        `ping time ${formatMilliseconds(milliseconds)}\n`,
      );
      return undefined;
    },
  },
  {
    name: 'res_usage',
    aliases: ['ru'],
    usage: 'ID',
    arity: [1, 1],
    summary: 'CPU, memory, descriptors, threads and limits of an app, and its own heap and event loop',
    options: [{ flag: '-f', long: '--follow', help: 'measure again every second until Ctrl-C' }],
    completes: ['id'],
    async run(context) {
      const launch = context.supervisor.get(context.args[0] ?? '');
      do {
        const usage = await launch.usage();
        context.put({ id: launch.id, app: launch.app.name, ...usage }, usageText(launch, usage));
      } while (context.options.has('f') && (await again(launch, context.signal)));
      return undefined;
    },
  },
];

function title({ id, app }: Launch): string {
  return `${app.name} (ID ${id})`;
}

function whySilent({ state, pid }: Launch): string {
  if (pid === undefined) return `is not running (${state})`;
  return state === 'starting' ? 'has not registered yet' : 'does not speak signal';
}

function usageText(launch: Launch, usage: Usage): string {
  const rows: [string, string][] = [
    ['CPU', `${usage.cpuPercent.toFixed(1)} %  (${usage.cpuSeconds.toFixed(2)} s in all)`],
    ['RSS', formatBytes(usage.rss)],
    ['PSS', usage.pss > 0 ? formatBytes(usage.pss) : 'not readable'],
    ['Descriptors', usage.descriptors > 0 ? String(usage.descriptors) : 'not readable'],
    ['Threads', String(usage.threads)],
    ['Processes', String(usage.processes)],
  ];
  const limits = limitsText(usage.limits);
  if (limits !== '') rows.push(['Limits', limits]);
  if (usage.self) {
    const { heapUsed, heapTotal, eventLoopDelay } = usage.self;
    rows.push(['Heap', `${formatBytes(heapUsed)} of ${formatBytes(heapTotal)}`]);
    rows.push([
      'Loop delay',
      `p50 ${formatMilliseconds(eventLoopDelay.p50)}  p99 ${formatMilliseconds(eventLoopDelay.p99)}  max ${formatMilliseconds(eventLoopDelay.max)}`,
    ]);
  }
  return `${title(launch)}  pid ${launch.pid ?? '-'}\n${rows.map(([name, value]) => `  ${name.padEnd(12)}${value}\n`).join('')}`;
}

function limitsText({ memory, cpus, pids, disk }: LimitsConfig): string {
  const parts = [
    memory === undefined ? '' : `${formatBytes(memory)} of memory`,
    cpus === undefined ? '' : `${cpus} CPUs`,
    pids === undefined ? '' : `${pids} processes and threads`,
    disk === undefined ? '' : `${formatBytes(disk)} on disk`,
  ];
  return parts.filter(Boolean).join(', ');
}

/** Waits for the next measurement; false when there will be none. */
async function again(launch: Launch, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  await Promise.race([delay(refreshMs), once(signal, 'abort'), launch.ended]);
  return !signal.aborted && launch.pid !== undefined;
}
