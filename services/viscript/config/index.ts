export { InvalidFile, type Problem } from '../../yaml/errors.ts';
export { type ConfigDiff, diffConfigs } from './diff.ts';
export { loadConfig, parseConfig } from './loader.ts';
export type * from './schema.ts';
