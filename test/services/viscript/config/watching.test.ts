import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../../services/viscript/config/index.ts';
import { problemsIn } from './problems.ts';

describe('figures in the config', () => {
  it.each([
    ['', 'socket'],
    ['metrics:', 'socket'],
    ['metrics: {}', 'socket'],
    ['metrics: { listen: socket }', 'socket'],
    ['metrics: { listen: off }', 'off'],
    ['metrics: { listen: /run/figures.sock }', { path: '/run/figures.sock' }],
    ['metrics: { listen: 9100 }', { host: '127.0.0.1', port: 9100 }],
    ['metrics: { listen: "[::1]:9100" }', { host: '::1', port: 9100 }],
    ['metrics: { listen: 0.0.0.0:9100 }', { host: '0.0.0.0', port: 9100 }],
  ])('%j are served at %j', (text, listen) => {
    expect(parseConfig(`apps: {}\n${text}\n`, 'f').metrics).toEqual({ listen });
  });
});

describe('alerts in the config', () => {
  it('are none when left out', () => {
    expect(parseConfig('apps: {}', 'f').alerts).toBeUndefined();
    expect(parseConfig('apps: {}\nalerts:\n', 'f').alerts).toBeUndefined();
  });

  it('have a command, which gets its arguments as they are written', () => {
    expect(parseConfig('apps: {}\nalerts: { command: [./tell, 010, 1.10, true] }', 'f').alerts).toEqual({
      command: ['./tell', '010', '1.10', 'true'],
      timeoutMs: 30_000,
      events: ['down', 'crash-loop', 'up', 'over-limit'],
    });
  });

  it('may be for some events alone, and have a time limit of their own', () => {
    const text = 'apps: {}\nalerts: { command: [tell], timeout: 1m, events: [down, up, down] }';
    expect(parseConfig(text, 'f').alerts).toMatchObject({ timeoutMs: 60_000, events: ['down', 'up'] });
  });
});

it('tells what is wrong with figures and alerts, and where', () => {
  const text = `apps: {}
metrics:
  listen: nowhere
  port: 9100
alerts:
  command: []
  timeout: 1ms
  events: [down, crashed]
`;
  expect(problemsIn(text)).toEqual([
    'config.yaml:3:11: metrics.listen must be socket, off, an absolute path, or HOST:PORT, not "nowhere"',
    'config.yaml:4:3: unknown key "port": known here: listen',
    'config.yaml:6:12: alerts.command must name a program, not a list',
    'config.yaml:7:12: alerts.timeout must be between 100ms and 24h, not "1ms"',
    'config.yaml:8:18: alerts.events[2] must be one of down, crash-loop, up, over-limit, not "crashed"',
  ]);
  expect(problemsIn('apps: {}\nalerts: { timeout: 1s, command: tell }')).toEqual([
    'config.yaml:2:33: alerts.command must be a list: the program and its arguments, not "tell"',
  ]);
  expect(problemsIn('apps: {}\nalerts: { timeout: 1s }')).toEqual([
    'config.yaml:2:9: alerts has no "command"',
  ]);
  expect(problemsIn('apps: {}\nmetrics: { listen: a/b }')).toEqual([
    'config.yaml:2:20: metrics.listen must be socket, off, an absolute path, or HOST:PORT, not "a/b"',
  ]);
});
