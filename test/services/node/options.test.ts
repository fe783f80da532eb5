import { describe, expect, it } from 'vitest';
import { Identity } from '../../../services/net/keys.ts';
import { parseOptions } from '../../../services/node/options.ts';
import { UsageError } from '../../../services/program/usage.ts';

const [one, two, three] = [1, 2, 3].map(() => Identity.generate().publicKey);
const manager = `${one}@10.0.0.1:5998`;
const environment = { STATE_DIRECTORY: '/var/lib/meshnet-node' };
const whole = ['0.0.0.0:20000', manager, 'true', '/run/node.sock'];

function parse(...argv: string[]) {
  return parseOptions(argv, environment);
}

/** The whole form with one argument in place of another. */
function with_(index: number, argument: string, ...more: string[]): string[] {
  return [...whole.with(index, argument), ...more];
}

describe('the command line of a node', () => {
  it('has the four or five arguments of the originals', () => {
    expect(parse(...whole, 'board1')).toEqual({
      addresses: ['0.0.0.0:20000'],
      manager: '10.0.0.1:5998',
      managerKey: one,
      dials: true,
      apps: { path: '/run/node.sock' },
      name: 'board1',
      keyFile: '/var/lib/meshnet-node/identity.key',
      members: undefined,
      rack: undefined,
      peers: [],
      neighbours: [],
      folder: '/var/lib/meshnet-node',
    });
    expect(parse(...whole).name).toMatch(/./);
  });

  it('names a rack, peers, neighbours and more addresses', () => {
    const options = parse(
      ...['-', 'manager.lan:5998', 'false', '6001', 'board-2.lan', '--rack', `${one}`, '--members', '/m'],
      ...['--peer', `${two}`, '--peer', `${three}`, '--neighbour', `${two}`, '--key', '/k'],
      ...['--address', '[::1]:20001', '--address', '20002'],
    );
    expect(options).toMatchObject({
      ...{
        addresses: ['[::1]:20001', '127.0.0.1:20002'],
        manager: 'manager.lan:5998',
        managerKey: undefined,
      },
      ...{ dials: false, apps: { tcp: { host: '127.0.0.1', port: 6001 } }, name: 'board-2.lan' },
      ...{ keyFile: '/k', members: '/m', rack: one, peers: [two, three], neighbours: [two] },
    });
  });

  it.each([
    ['nothing', [], /four or five arguments are expected, not 0/],
    ['too little', whole.slice(0, 3), /four or five arguments are expected, not 3/],
    ['too much', [...whole, 'name', 'more'], /four or five arguments are expected, not 6/],
    ['an address without a port', with_(0, '10.0.0.1'), /^NODEADDR: "10.0.0.1" is no address/],
    ['a port that is none', with_(0, '10.0.0.1:70000'), /^NODEADDR: .*70000 is above 65535/],
    ['no address at all', with_(0, ''), /^NODEADDR: "" is no address/],
    [
      'a manager without a key',
      with_(1, '10.0.0.1:5998'),
      /names no key, and there is no --rack: give KEY@HOST:PORT/,
    ],
    [
      'a manager with half a key',
      with_(1, 'abcd@10.0.0.1:5998'),
      /^MANAGERADDR: 'abcd' is no key: a key has 64 hex digits/,
    ],
    ['a manager without an address', with_(1, `${one}@`), /^MANAGERADDR: "" is no address/],
    ['neither true nor false', with_(2, 'yes'), /^CONNECT is "yes": give true or false/],
    [
      'apps from other machines',
      with_(3, '0.0.0.0:6001'),
      /^APPPORT 0.0.0.0:6001 is reached from other machines/,
    ],
    ['apps nowhere', with_(3, 'socket'), /^APPPORT: "socket" is no address/],
    ['a name of two words', [...whole, 'board 1'], /^HOSTNAME "board 1" is no name/],
    ['a name without end', [...whole, 'x'.repeat(65)], /is no name/],
    ['members without a rack', [...whole, '--members', '/m'], /--members needs --rack/],
    ['a rack that is no key', [...whole, '--rack', 'mine'], /^--rack: 'mine' is no key/],
    ['a peer that is no key', [...whole, '--peer', 'x'.repeat(64)], /^--peer: 'x+' is no key/],
    ['a neighbour that is no key', [...whole, '--neighbour', ''], /^--neighbour: '' is no key/],
    ['a second address that is none', [...whole, '--address', 'here'], /^--address: "here" is no address/],
    ['an option that does not exist', [...whole, '--colour', 'red'], /Unknown option '--colour'/],
    ['an option without its value', [...whole, '--key'], /--key/],
  ])('is refused with what is wrong: %s', (_, argv, said) => {
    expect(() => parse(...argv)).toThrow(UsageError);
    expect(() => parse(...argv)).toThrow(said);
  });

  it.each([
    [{ STATE_DIRECTORY: '/a:/b', XDG_STATE_HOME: '/c' }, '/a'],
    [{ STATE_DIRECTORY: '', XDG_STATE_HOME: '/c' }, '/c/meshnet-node'],
    [{}, /\/\.local\/state\/meshnet-node$/],
  ])('keeps its state where the environment says: %s', (given, folder) => {
    const options = parseOptions(whole, given);
    expect(options.folder).toMatch(folder);
    expect(options.keyFile).toBe(`${options.folder}/identity.key`);
  });
});
