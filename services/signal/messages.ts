import { limits } from './limits.ts';
import { fail, integer, nothing, number, object, shape, text } from './shape.ts';

/** What travels between viscript and an app. */

export const registerParams = shape((fields) => ({
  clientId: integer(fields, 'clientId', 0),
  token: text(fields, 'token', limits.tokenLength),
  pid: integer(fields, 'pid', 1),
}));

export const readyParams = nothing;

export const statusParams = shape((fields) => ({ text: text(fields, 'text', limits.statusLength) }));

export const metricsParams = shape((fields) => {
  const values = object(fields, 'values');
  const names = Object.keys(values);
  if (names.length > limits.metrics) fail('values', `at most ${limits.metrics} metrics`);
  if (names.some((name) => name.length > limits.metricNameLength)) {
    fail('values', `names of at most ${limits.metricNameLength} characters`);
  }
  return { values: Object.fromEntries(names.map((name) => [name, number(values, name)])) };
});

export const accepted = nothing;

/** What an app says of itself. */
export interface AppUsage {
  /** Bytes, as of `process.memoryUsage()`. */
  heapUsed: number;
  heapTotal: number;
  external: number;
  /** Milliseconds beyond the expected, since usage was asked for last. */
  eventLoopDelay: { p50: number; p99: number; max: number };
  /** Seconds since the process started. */
  uptime: number;
  /** Proportional share of resident memory, bytes; 0 from apps that do not say it. */
  pss: number;
  /** Open descriptors; 0 from apps that do not say it. */
  descriptors: number;
}

export const appUsage = shape((fields): AppUsage => {
  const delay = object(fields, 'eventLoopDelay');
  return {
    heapUsed: number(fields, 'heapUsed'),
    heapTotal: number(fields, 'heapTotal'),
    external: number(fields, 'external'),
    eventLoopDelay: { p50: number(delay, 'p50'), p99: number(delay, 'p99'), max: number(delay, 'max') },
    uptime: number(fields, 'uptime'),
    pss: fields.pss === undefined ? 0 : number(fields, 'pss'),
    descriptors: fields.descriptors === undefined ? 0 : number(fields, 'descriptors'),
  };
});
