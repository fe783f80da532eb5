export { type ConfigDiff, diffConfigs } from './diff.ts';
export { ConfigError, type Problem } from './errors.ts';
export { loadConfig, parseConfig } from './loader.ts';
export type * from './schema.ts';
