/** What travels between viscript and an app. */
import { z } from 'zod';
import { limits } from './limits.ts';

export const registerParams = z.object({
  clientId: z.int().nonnegative(),
  token: z.string().max(limits.tokenLength),
  pid: z.int().positive(),
});

export const readyParams = z.object({});

export const statusParams = z.object({ text: z.string().max(limits.statusLength) });

export const metricsParams = z.object({
  values: z
    .record(z.string().max(limits.metricNameLength), z.number())
    .refine((values) => Object.keys(values).length <= limits.metrics, `more than ${limits.metrics} metrics`),
});

export const accepted = z.object({});

export const appUsage = z.object({
  /** Bytes, as of `process.memoryUsage()`. */
  heapUsed: z.number(),
  heapTotal: z.number(),
  external: z.number(),
  /** Milliseconds beyond the expected, since usage was asked for last. */
  eventLoopDelay: z.object({ p50: z.number(), p99: z.number(), max: z.number() }),
  /** Seconds since the process started. */
  uptime: z.number(),
});

export type AppUsage = z.infer<typeof appUsage>;
