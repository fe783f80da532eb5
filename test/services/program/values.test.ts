import { describe, expect, it } from 'vitest';
import { part, UsageError } from '../../../services/program/usage.ts';
import * as values from '../../../services/program/values.ts';

const key = 'ab'.repeat(32);

describe('the values of a command line', () => {
  it('are read as what they are', () => {
    expect(values.addressOf('LISTEN', '1080')).toEqual({ host: '127.0.0.1', port: 1080 });
    expect(values.hostPortOf('LISTEN', '1080')).toBe('127.0.0.1:1080');
    expect(values.hostPortOf('LISTEN', '[::1]:1080')).toBe('[::1]:1080');
    expect(values.keyOf('--peer', key.toUpperCase())).toBe(key);
    expect(values.targetOf('--server', `${key}/web`)).toEqual({ node: key, app: 'web' });
    expect(values.accessOf('--access', `${key}, ${key}`)).toEqual([key, key]);
    expect(values.numberOf('--count', '07', 1, 7)).toBe(7);
  });

  it.each([
    [() => values.addressOf('LISTEN', 'x'), /^LISTEN: "x" is no address/],
    [() => values.keyOf('--peer', 'x'), /^--peer: 'x' is no key/],
    [() => values.targetOf('--server', 'a b'), /^--server: 'a b' is no app of the mesh/],
    [() => values.accessOf('--access', 'all'), /^--access: access: 'all' is no key/],
    [() => values.numberOf('--count', '8', 1, 7), /^--count "8": give a whole number from 1 to 7$/],
    [() => values.numberOf('--count', '1.5', 1, 7), /^--count "1.5"/],
    [() => values.numberOf('--count', '', 0, 7), /^--count ""/],
  ])('are refused with the argument that is wrong: %s', (read, said) => {
    expect(read).toThrow(UsageError);
    expect(read).toThrow(said);
  });

  it('keep what was the cause', () => {
    const cause = new RangeError('too far');
    const read = () =>
      part('WHERE', () => {
        throw cause;
      });
    expect(read).toThrow(expect.objectContaining({ message: 'WHERE: too far', cause }));
  });
});

describe('what an app on the mesh is given first', () => {
  it.each([
    ['127.0.0.1:6000', '127.0.0.1:6000'],
    ['6000', '127.0.0.1:6000'],
    ['/run/node.sock', '/run/node.sock'],
  ])('is a name and where its node is: %s', (NODEADDR, node) => {
    expect(values.registrationOf({ NAME: 'web', NODEADDR })).toEqual({ name: 'web', node });
  });

  it.each([
    ['we b', '6000', /^NAME: 'we b' is no app/],
    [`${key}/web`, '6000', /^NAME: .* is the name of an app at another node$/],
    ['web', 'nowhere', /^NODEADDR: "nowhere" is no address/],
  ])('is refused: %s at %s', (NAME, NODEADDR, said) => {
    expect(() => values.registrationOf({ NAME, NODEADDR })).toThrow(said);
  });
});
