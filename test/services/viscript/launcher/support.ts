import type { AppConfig } from '../../../../services/viscript/config/schema.ts';

/** An entry with every default, changed where a test cares. */
export function appConfig(changes: Partial<AppConfig> = {}): AppConfig {
  return {
    name: 'app',
    path: '/bin/true',
    args: [],
    daemon: false,
    desc: '',
    help: '',
    autostart: false,
    dependsOn: [],
    restart: 'no',
    stopGraceMs: 1000,
    environment: {},
    healthcheck: undefined,
    limits: {},
    capabilities: [],
    ...changes,
  };
}
