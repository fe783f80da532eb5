import { describe, expect, it } from 'vitest';
import { errorOf, problemsIn } from './problems.ts';

describe('a problem in the config', () => {
  it('is told with file, line and column, all of them at once and in their order', () => {
    const text = `apps:
  first:
    path: 7
    pth: x
    depends_on: [second, thrid]
  second:
    path: x
    depends_on:
      - first
    stop_grace_period: 10
  third: {path: y, limits: {memory: 96}}
sttings: {}
`;
    expect(problemsIn(text)).toEqual([
      'config.yaml:3:11: apps.first.path must be text: the program to run, not 7',
      'config.yaml:4:5: unknown key "pth": did you mean path?',
      'config.yaml:5:26: first depends on "thrid", which is no app of this file; did you mean third?',
      'config.yaml:9:9: apps depend on each other: first → second → first',
      'config.yaml:10:24: apps.second.stop_grace_period must be a duration such as "10s", "1m30s" or "500ms", not 10',
      'config.yaml:11:37: apps.third.limits.memory must be a size such as "96M" or "1.5G", not 96',
      'config.yaml:12:1: unknown key "sttings": did you mean settings?',
    ]);
  });

  it('is an object too, for programs', () => {
    expect(errorOf('apps: {a: {path: x, daemn: true}}').problems).toEqual([
      { file: 'config.yaml', line: 1, column: 21, message: 'unknown key "daemn": did you mean daemon?' },
    ]);
  });

  it.each([
    [
      'broken YAML',
      'apps:\n\ta: 1\n',
      'config.yaml:2:1: not valid YAML: Tabs are not allowed as indentation',
    ],
    [
      'an unclosed quote',
      'apps: {a: {path: "x}}',
      'config.yaml:1:22: not valid YAML: Missing closing "quote',
    ],
    ['an unknown tag', 'apps: !run {}', 'config.yaml:1:7: not valid YAML: Unresolved tag: !run'],
    [
      'a second document',
      'apps: {}\n---\n',
      'config.yaml:2:1: not valid YAML: one document only, and a second one starts here',
    ],
    [
      'another version of YAML',
      '%YAML 1.1\n---\napps: {}',
      'config.yaml:1:1: only YAML 1.2 is read: remove the %YAML directive',
    ],
    [
      'a key that is no text',
      'apps:\n  ? [a]\n  : 1\n',
      'config.yaml:2:5: not valid YAML: With stringKeys, all keys must be strings',
    ],
    ['a duplicate key', 'apps:\n  a: {path: x}\n  a: {path: y}', 'config.yaml:3:3: key "a" is given twice'],
    [
      'a key that would change the object',
      'apps: {a: {path: x, environment: {__proto__: 1}}}',
      'config.yaml:1:35: key "__proto__" is not allowed',
    ],
    [
      'an unknown key of an app',
      'apps: {a: {path: x, frobnicate: 1}}',
      'config.yaml:1:21: unknown key "frobnicate": known here: path, default_args',
    ],
    [
      'an unknown key of limits',
      'apps: {a: {path: x, limits: {memroy: 1M}}}',
      'config.yaml:1:30: unknown key "memroy": did you mean memory?',
    ],
    [
      'an unknown key of a healthcheck',
      'apps: {a: {path: x, healthcheck: {test: x}}}',
      'config.yaml:1:35: unknown key "test": known here: interval, timeout, retries, start_period',
    ],
    [
      'an unknown setting',
      'apps: {}\nsettings: {verboseinput: true}',
      'config.yaml:2:12: unknown key "verboseinput": did you mean verboseInput?',
    ],
    [
      'an empty file',
      '',
      'config.yaml:1:1: the file must be a map with keys of apps, settings, metrics, alerts, not empty',
    ],
    ['a file without apps', 'settings: {}', 'config.yaml:1:1: the file has no "apps"'],
    ['an app without a path', 'apps:\n  a: {daemon: true}', 'config.yaml:2:6: apps.a has no "path"'],
    ['an app that is empty', 'apps:\n  a:\n', 'config.yaml:2:3: apps.a must be a map with keys of path, '],
    ['apps as a list', 'apps: [a]', 'config.yaml:1:7: apps must be a map of apps, not a list'],
    [
      'an empty path',
      'apps: {a: {path: ""}}',
      'config.yaml:1:18: apps.a.path must not be empty: it names the program to run, not ""',
    ],
    [
      'a NUL character',
      'apps: {a: {path: "x\\0"}}',
      'config.yaml:1:18: apps.a.path must not contain a NUL character, not "x\\u0000"',
    ],
    [
      'a word for true',
      'apps: {a: {path: x, daemon: yes}}',
      'config.yaml:1:29: apps.a.daemon must be true or false, not "yes"',
    ],
    [
      'arguments as a map',
      'apps: {a: {path: x, args: {b: c}}}',
      'config.yaml:1:27: apps.a.args must be a list of arguments, or one argument, not a map',
    ],
    [
      'an argument that is a list',
      'apps: {a: {path: x, args: [b, [c]]}}',
      'config.yaml:1:31: apps.a.args[2] must be text, a number, true or false (an empty text is ""), not a list',
    ],
    [
      'an argument that is empty',
      'apps: {a: {path: x, args: [b, ~]}}',
      'config.yaml:1:31: apps.a.args[2] must be text, a number, true or false (an empty text is ""), not empty',
    ],
    [
      'both names of the arguments',
      'apps: {a: {path: x, args: [], default_args: []}}',
      'config.yaml:1:21: apps.a.args is the older name of default_args: give one of them',
    ],
    [
      'an unknown policy',
      'apps: {a: {path: x, restart: never}}',
      'config.yaml:1:30: apps.a.restart must be no, on-failure or always, not "never"',
    ],
    [
      'a duration without a unit',
      'apps: {a: {path: x, stop_grace_period: "10"}}',
      'config.yaml:1:40: apps.a.stop_grace_period must be a duration such as "10s", "1m30s" or "500ms", not "10"',
    ],
    [
      'a duration out of range',
      'apps: {a: {path: x, stop_grace_period: 25h}}',
      'config.yaml:1:40: apps.a.stop_grace_period must be between 0s and 24h, not "25h"',
    ],
    [
      'a check without a pause',
      'apps: {a: {path: x, healthcheck: {interval: 0s}}}',
      'config.yaml:1:45: apps.a.healthcheck.interval must be between 100ms and 24h, not "0s"',
    ],
    [
      'a share of a failure',
      'apps: {a: {path: x, healthcheck: {retries: 1.5}}}',
      'config.yaml:1:44: apps.a.healthcheck.retries must be a whole number, not 1.5',
    ],
    [
      'a size out of range',
      'apps: {a: {path: x, limits: {memory: 96K}}}',
      'config.yaml:1:38: apps.a.limits.memory must be between 1M and 1024T, not "96K"',
    ],
    [
      'no cores',
      'apps: {a: {path: x, limits: {cpus: 0}}}',
      'config.yaml:1:36: apps.a.limits.cpus must be between 0.01 and 1024, not 0',
    ],
    [
      'no processes',
      'apps: {a: {path: x, limits: {pids: 0}}}',
      'config.yaml:1:36: apps.a.limits.pids must be between 1 and 4194304, not 0',
    ],
    [
      'a disk without a unit',
      'apps: {a: {path: x, limits: {disk: 64}}}',
      'config.yaml:1:36: apps.a.limits.disk must be a size such as "96M" or "1.5G", not 64',
    ],
    [
      'a dependency that is a word',
      'apps: {a: {path: x, depends_on: b}}',
      'config.yaml:1:33: apps.a.depends_on must be a list of apps, not "b"',
    ],
    [
      'a dependency on nothing known',
      'apps: {a: {path: x, depends_on: [zebra]}}',
      'config.yaml:1:34: a depends on "zebra", which is no app of this file',
    ],
    [
      'a dependency on itself',
      'apps: {a: {path: x, depends_on: [a]}}',
      'config.yaml:1:34: apps depend on each other: a → a',
    ],
    [
      'a reserved variable',
      'apps: {a: {path: x, environment: {SIGNAL_URL: x}}}',
      'config.yaml:1:35: apps.a.environment.SIGNAL_URL is reserved: viscript sets the SIGNAL_ variables',
    ],
    [
      'a variable with a bad name',
      'apps: {a: {path: x, environment: {A-B: x}}}',
      'config.yaml:1:35: apps.a.environment.A-B must be letters, digits and _, and begin with no digit',
    ],
    [
      'a variable that is a list',
      'apps: {a: {path: x, environment: {A: []}}}',
      'config.yaml:1:38: apps.a.environment.A must be text, a number, true or false (an empty text is ""), not a list',
    ],
    [
      'a capability without CAP_',
      'apps: {a: {path: x, capabilities: [NET_ADMIN]}}',
      'config.yaml:1:36: apps.a.capabilities[1] must be a Linux capability, not "NET_ADMIN"; did you mean CAP_NET_ADMIN?',
    ],
    [
      'a capability that is none',
      'apps: {a: {path: x, capabilities: [root]}}',
      'config.yaml:1:36: apps.a.capabilities[1] must be a Linux capability, not "root"',
    ],
    [
      'an app named like an id',
      'apps: {5: {path: x}}',
      "config.yaml:1:8: apps.5 must be at most 64 letters, digits, '.', '_' and '-', with one letter at least",
    ],
    [
      'an app named like a path',
      'apps: {../x: {path: x}}',
      "config.yaml:1:8: apps.../x must be at most 64 letters, digits, '.', '_' and '-', with one letter at least",
    ],
    [
      'an app named like an option',
      'apps: {-a: {path: x}}',
      "config.yaml:1:8: apps.-a must be at most 64 letters, digits, '.', '_' and '-', with one letter at least",
    ],
    [
      'an alias without an anchor',
      'apps: {a: {path: *x}}',
      'config.yaml:1:18: alias *x has no anchor &x before it',
    ],
  ])('%s is told where it stands', (_, text, expected) => {
    const lines = problemsIn(text).filter((line) => line.startsWith(expected));
    expect(lines, problemsIn(text).join('\n')).toHaveLength(1);
  });

  it('is told at an entry that an alias brings in, where its text stands', () => {
    const text = 'apps:\n  a: {path: x, limits: &limits {memory: 5}}\n  b: {path: x, limits: *limits}\n';
    expect(problemsIn(text).map((line) => line.slice(0, 16))).toEqual([
      'config.yaml:2:41',
      'config.yaml:2:41',
    ]);
  });

  it('names each circle once, at the entry that closes it', () => {
    const text = `apps:
  a: {path: x, depends_on: [b]}
  b: {path: x, depends_on: [c]}
  c: {path: x, depends_on: [b, d]}
  d: {path: x, depends_on: [a]}
  e: {path: x, depends_on: [a]}
`;
    expect(problemsIn(text)).toEqual([
      'config.yaml:4:29: apps depend on each other: b → c → b',
      'config.yaml:5:29: apps depend on each other: a → b → c → d → a',
    ]);
  });

  it('does not hide circles and unknown apps behind a wrong value', () => {
    const lines = problemsIn(
      'apps: {a: {path: x, depends_on: [b], daemon: 1}, b: {path: x, depends_on: [a]}}',
    );
    expect(lines).toHaveLength(2);
  });
});

describe('a file beyond all measure', () => {
  it('is refused when aliases expand it', () => {
    const names = [...'bcdefgh'];
    const levels = names.map((name, index) => {
      const below = `*${String.fromCharCode(97 + index)}`;
      return `${name}: &${name} [${Array(10).fill(below).join(',')}]`;
    });
    const text = ['a: &a [1,1,1,1,1,1,1,1,1,1]', ...levels].join('\n');
    expect(problemsIn(text)).toEqual([
      expect.stringMatching(/^config\.yaml:\d+:\d+: too much: more than 200000 values, aliases followed$/),
    ]);
  });

  it('is refused when an alias stands inside of what it means', () => {
    expect(problemsIn('apps: &a {a: *a}')).toContain(
      'config.yaml:1:14: alias *a stands inside of what it means',
    );
  });

  it.each(['[', '{', '{a: ', '- ', '? ', ': ', '[a: ', '{?', '- - '])(
    'is refused when %s is nested without end',
    (open) => {
      expect(problemsIn(open.repeat(60_000))).toEqual([
        expect.stringContaining('nested more than 32 levels deep'),
      ]);
    },
  );

  it('is refused when it nests a little too deep', () => {
    expect(problemsIn(`apps: ${'['.repeat(40)}${']'.repeat(40)}`)).toEqual([
      expect.stringContaining('more than 32 levels deep'),
    ]);
  });

  it('is refused when it has more than 256 apps', () => {
    const entries = (count: number) =>
      Array.from({ length: count }, (_, index) => `  app${index}: {path: x}\n`).join('');
    expect(problemsIn(`apps:\n${entries(257)}`)).toEqual([
      'config.yaml:1:1: 257 apps: at most 256 are allowed',
    ]);
    expect(() => errorOf(`apps:\n${entries(256)}`)).toThrow('no problem was found');
  });

  it('shows the first fifty problems of a file full of them', () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `key${index}: 1\n`).join('');
    const lines = problemsIn(keys);
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe('and 950 more problems');
  });
});
