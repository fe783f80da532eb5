/** Bounds of what travels between viscript and an app, apart from the shapes so that an app need not load those. */
export const limits = {
  /** Largest message on a signal connection, in bytes. */
  messageBytes: 64 * 1024,
  tokenLength: 256,
  /** Longest status text, in UTF-16 units. */
  statusLength: 1_024,
  metrics: 64,
  metricNameLength: 64,
} as const;
