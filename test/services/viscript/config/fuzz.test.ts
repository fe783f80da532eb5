import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { CAPABILITIES } from '../../../../services/viscript/config/capabilities.ts';
import { InvalidFile, parseConfig } from '../../../../services/viscript/config/index.ts';
import { fuzzRuns } from '../../../fuzz.ts';

/** Pieces that YAML and the schema react to: they reach further than random characters. */
const piece = fc.constantFrom(
  ...[
    'apps:',
    '\n',
    '\n  ',
    '\n    ',
    ' ',
    ': ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    "'",
    '|',
    '>',
    '#',
    '&a ',
    '*a',
    '!!str ',
    '? ',
  ],
  ...[
    'a',
    'b',
    'path: x',
    'path',
    'args',
    'default_args: [1]',
    'depends_on: [a]',
    'environment: {A: 1}',
    'settings:',
    'metrics: {listen: x}',
    'alerts: {command: [x]}',
    'null',
    '~',
    '1',
    '0x',
  ],
  ...[
    'limits: {memory: 1G}',
    'healthcheck: {}',
    '---',
    '...',
    '%YAML 1.2',
    '<<: ',
    '__proto__',
    'constructor',
    '\t',
    '\r',
    '\0',
    '\ufeff',
    '\u2028',
  ],
);
const almostYaml = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));
const anyText = fc.oneof(
  { weight: 10, arbitrary: almostYaml },
  { weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.json() },
);

/** Objects of the right shape with anything at all for values. */
const anyEntry = fc.dictionary(
  fc.constantFrom(
    'path',
    'args',
    'default_args',
    'daemon',
    'depends_on',
    'environment',
    'limits',
    'healthcheck',
    'restart',
    'x',
  ),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 4 },
);

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,20}$/);
const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((value) => !value.includes('\0'));
const entry = fc.record(
  {
    path: text.filter((value) => value !== ''),
    default_args: fc.array(text, { maxLength: 3 }),
    daemon: fc.boolean(),
    desc: text,
    help: text,
    autostart: fc.boolean(),
    restart: fc.constantFrom('no', 'on-failure', 'always'),
    stop_grace_period: fc.integer({ min: 0, max: 86_400 }).map((seconds) => `${seconds}s`),
    environment: fc.dictionary(fc.stringMatching(/^[A-RT-Z_][A-Z0-9_]{0,8}$/), text, { maxKeys: 3 }),
    healthcheck: fc.record({ retries: fc.integer({ min: 1, max: 1_000 }) }, { requiredKeys: [] }),
    limits: fc.record(
      {
        memory: fc.integer({ min: 1, max: 9_999 }).map((size) => `${size}M`),
        pids: fc.integer({ min: 1, max: 9_999 }),
        disk: fc.integer({ min: 1, max: 9_999 }).map((size) => `${size}M`),
      },
      { requiredKeys: [] },
    ),
    capabilities: fc.uniqueArray(fc.constantFrom(...CAPABILITIES), { maxLength: 3 }),
    mesh: fc.boolean(),
  },
  { requiredKeys: ['path'] },
);
/** Each app may depend on those before it. */
const apps = fc
  .uniqueArray(fc.tuple(name, entry, fc.boolean()), { maxLength: 4, selector: ([key]) => key })
  .map((list) =>
    list.map(([key, value, depends], index) => {
      const before = list.slice(0, index).map(([other]) => other);
      return [key, depends ? { ...value, depends_on: before } : value] as const;
    }),
  );

function refusesOnlyWithConfigError(input: string): void {
  try {
    parseConfig(input, 'f');
  } catch (error) {
    if (!(error instanceof InvalidFile)) throw error;
    for (const { line, column, message } of error.problems) {
      if (line < 1 || column < 1 || message === '')
        throw new Error(`a problem without a place: ${error.message}`);
    }
  }
}

describe('parseConfig', () => {
  it('refuses arbitrary text with InvalidFile and nothing else', () => {
    fc.assert(fc.property(anyText, refusesOnlyWithConfigError), fuzzRuns('config-text', 100_000));
  });

  it('refuses arbitrary values in known places with InvalidFile and nothing else', () => {
    const anyConfig = fc
      .dictionary(name, anyEntry, { maxKeys: 3 })
      .map((value) => JSON.stringify({ apps: value }));
    fc.assert(fc.property(anyConfig, refusesOnlyWithConfigError), fuzzRuns('config-values', 5_000));
  });

  it('reads back every config that was written', () => {
    const property = fc.property(apps, fc.boolean(), (list, flow) => {
      const written = { apps: Object.fromEntries(list) };
      const yaml = flow ? JSON.stringify(written) : stringify(written);
      const read = parseConfig(yaml, 'f');
      expect([...read.apps.keys()]).toEqual(Object.keys(written.apps));
      for (const [key, value] of list) {
        const app = read.apps.get(key);
        expect(app).toMatchObject({
          path: value.path,
          args: value.default_args ?? [],
          daemon: value.daemon ?? false,
          desc: value.desc ?? '',
          help: value.help ?? '',
          restart: value.restart ?? 'on-failure',
          environment: value.environment ?? {},
          capabilities: value.capabilities ?? [],
          mesh: value.mesh ?? false,
          dependsOn: 'depends_on' in value ? value.depends_on : [],
        });
        expect(app?.healthcheck?.retries).toBe(value.healthcheck && (value.healthcheck.retries ?? 3));
        expect(app?.limits.pids).toBe(value.limits?.pids);
        expect(app?.limits.disk).toBe(value.limits?.disk && parseInt(value.limits.disk, 10) * 2 ** 20);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});
