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
    mesh: false,
    ...changes,
  };
}

/** Words that a shell, systemd or an environment could take for something else. */
export const hostileWords = [
  'plain',
  '',
  ' two  words ',
  '"',
  "'",
  "'; exit 9; '",
  '\\',
  '\\n\\',
  '$HOME $$ %i %%',
  '`id` $(id)',
  'two\nlines\r\n',
  '\ttab \x1b[0m \x7f',
  '* ? [a-z] ~ {a,b} # !',
  '-n',
  '--',
  'a=b',
  'Á é ß ☃ 𝄞 \u0081\u0088',
  'x'.repeat(10_000),
];
