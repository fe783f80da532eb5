import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandLineError, parseCommandLine } from '../../../../services/viscript/command-line.ts';
import { parseArguments } from '../../../../services/viscript/commands/arguments.ts';
import { type Command, UsageError } from '../../../../services/viscript/commands/command.ts';
import { commands, findCommand } from '../../../../services/viscript/commands/table.ts';
import { fuzzRuns } from '../../../fuzz.ts';

function command(name: string): Command {
  const found = findCommand(name);
  if (!found) throw new Error(`no command ${name}`);
  return found;
}

describe('arguments of a command', () => {
  it('takes options before and after arguments, short and long, with their values', () => {
    expect(parseArguments(command('logs'), ['3', '-n', '10', '-f'])).toEqual({
      args: ['3'],
      options: new Map<string, string | true>([
        ['n', '10'],
        ['f', true],
      ]),
      json: false,
    });
    expect(parseArguments(command('logs'), ['--lines=7', '--json', '3'])).toMatchObject({
      args: ['3'],
      json: true,
    });
  });

  it('leaves everything after the name of the app to the app', () => {
    const words = ['-a', 'app', '-a', '--json', '--', '-x'];
    expect(parseArguments(command('start'), words)).toEqual({
      args: ['app', '-a', '--json', '--', '-x'],
      options: new Map([['a', true]]),
      json: false,
    });
  });

  it.each([
    ['ping', []],
    ['ping', ['1', '2']],
    ['ping', ['-z', '1']],
    ['logs', ['1', '-n']],
    ['la', ['--full=yes']],
  ])('refuses %s %j and shows the usage', (name, words) => {
    expect(() => parseArguments(command(name), words)).toThrow(UsageError);
  });

  it('never fails in another way, whatever the words', () => {
    const word = fc.oneof(fc.string(), fc.constantFrom('-f', '--json', '--', '-', '-n', '--lines=', '1'));
    fc.assert(
      fc.property(
        fc.constantFrom(...commands.map(({ name }) => name)),
        fc.array(word, { maxLength: 6 }),
        (name, words) => {
          const given = command(name);
          try {
            const { args } = parseArguments(given, words);
            expect(args.length).toBeGreaterThanOrEqual(given.arity[0]);
            expect(args.length).toBeLessThanOrEqual(given.arity[1]);
            for (const arg of args) expect(words).toContain(arg);
          } catch (error) {
            if (!(error instanceof UsageError)) throw error;
          }
        },
      ),
      fuzzRuns('command-arguments', 100_000),
    );
  });
});

describe('the table of commands', () => {
  it('has no name twice', () => {
    const names = commands.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    'help h ?',
    'apps',
    'start s',
    'list_apps la',
    'attach',
    'ping',
    'res_usage ru',
    'shutdown sd',
    'clear c cls',
  ])('keeps the words of the original: %s', (line) => {
    const [name = '', ...aliases] = line.split(' ');
    expect(command(name)).toMatchObject({ name, aliases });
  });
});

describe('the command line of the program', () => {
  it('takes its own options before the command and leaves the rest to the command', () => {
    expect(parseCommandLine(['--json', '--runtime-dir=/run/x', 'start', '--json', 'a'])).toEqual({
      mode: 'front-end',
      json: true,
      runtimeDirectory: '/run/x',
      configFile: undefined,
      argv: ['start', '--json', 'a'],
    });
  });

  it('never fails but with a message about itself, whatever the words', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('--headless', '--config', '--config=', '-H', '--host=b', '-h'),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        try {
          parseCommandLine(words);
        } catch (error) {
          if (!(error instanceof CommandLineError)) throw error;
        }
      }),
      fuzzRuns('command-line', 100_000),
    );
  });
});
