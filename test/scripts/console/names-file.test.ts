import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNames } from '../../../scripts/console/names-file.ts';
import { InvalidFile } from '../../../services/yaml/index.ts';
import { fuzzRuns, mutated } from '../../fuzz.ts';

const GOOD = `consoles:
  node1: 1-2.1
  node3:
    port: usb-0000:00:14.0-2.3:1.1
    baud: 1500000
  router: /dev/ttyS0
`;

function problems(text: string): string {
  try {
    parseNames(text, 'consoles.yaml');
    return '';
  } catch (error) {
    if (error instanceof InvalidFile) return error.message;
    throw error;
  }
}

describe('parseNames', () => {
  it('reads sockets, paths and rates', () => {
    expect([...parseNames(GOOD, 'consoles.yaml')]).toEqual([
      ['node1', { port: '1-2.1' }],
      ['node3', { port: 'usb-0000:00:14.0-2.3:1.1', baud: 1_500_000 }],
      ['router', { port: '/dev/ttyS0' }],
    ]);
  });

  it.each([
    ['consoles:\n  node1: 1-2.1\n  node2: 1-2.1\n', /consoles\.yaml:3:\d+: 1-2\.1 is called node1 already/],
    ['consoles:\n  node1: ttyUSB0\n', /consoles\.yaml:2:\d+: .*must be a socket such as 1-2\.3/],
    ['consoles:\n  1-2.3: 1-2.3\n', /consoles\.yaml:2:\d+: .*not look like a socket/],
    ['consoles:\n  node1: {port: 1-2, baud: fast}\n', /consoles\.yaml:2:\d+: .*bits a second/],
    [
      'consoles:\n  node1: {prot: 1-2}\n',
      /consoles\.yaml:2:\d+: consoles\.node1 must be .* a map of port and baud/,
    ],
    ['names: {}\n', /consoles/],
  ])('says where %j is wrong', (text, complaint) => {
    expect(problems(text)).toMatch(complaint);
  });

  it('survives whatever a file holds', () => {
    fc.assert(
      fc.property(mutated(fc.constant(Buffer.from(GOOD))), (bytes) => {
        problems(bytes.toString());
      }),
      fuzzRuns('console-names', 2000),
    );
  });
});
