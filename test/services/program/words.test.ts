import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../services/program/usage.ts';
import { parseWords } from '../../../services/program/words.ts';

function parse(...argv: string[]) {
  return parseWords(argv, {
    required: ['FROM', 'TO'],
    optional: ['BY'],
    options: { many: { type: 'string', multiple: true, default: [] }, loud: { type: 'boolean' } },
  });
}

describe('the words of a command line', () => {
  it('are named arguments and options', () => {
    const { args, values } = parse('here', '--many', 'a', '-', '--many=b', 'foot', '--loud');
    expect(args).toEqual({ FROM: 'here', TO: '-', BY: 'foot' });
    expect(values).toEqual({ many: ['a', 'b'], loud: true });
  });

  it('may lack what is optional', () => {
    const { args, values } = parse('here', 'there');
    expect(args).toEqual({ FROM: 'here', TO: 'there' });
    expect(values).toEqual({ many: [] });
  });

  it.each([
    [['here'], 'two or three arguments are expected, not 1'],
    [['here', 'there', 'foot', 'more'], 'two or three arguments are expected, not 4'],
    [['here', 'there', '--colour'], "Unknown option '--colour'"],
    [['here', 'there', '--many'], "'--many <value>' argument missing"],
    [['here', 'there', '--loud=very'], "Option '--loud' does not take an argument"],
  ])('are refused with what is wrong: %j', (argv, said) => {
    expect(() => parse(...argv)).toThrow(UsageError);
    expect(() => parse(...argv)).toThrow(said);
  });

  it('are counted one by one too', () => {
    expect(() => parseWords([], { required: ['A'], options: {} })).toThrow('one argument is expected, not 0');
    expect(() => parseWords(['x'], { required: [], options: {} })).toThrow(
      'no arguments are expected, not 1',
    );
  });
});
