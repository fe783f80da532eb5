import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as messages from '../../../../services/net/control/messages.ts';
import { maxLabel } from '../../../../services/net/control/rules.ts';
import { fuzzRuns } from '../../../fuzz.ts';
import { nearly, shapesTake } from '../../../shapes.ts';

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
const key = hex(64);
const circuit = hex(32);
const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const label = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const count = fc.nat();
const path = fc.record({ circuit, path: count });
const end = fc.record({ neighbour: key, label });
const rule = fc.oneof(
  fc.record({ circuit, path: count, left: end, right: end }),
  fc.record({ circuit, path: count, peer: key, opener: fc.boolean(), weight: fc.nat(), next: end }),
);
const few = <T>(each: fc.Arbitrary<T>) => fc.array(each, { maxLength: 3 });
const addresses = few(fc.string({ maxLength: 30 }));
const peers = few(fc.record({ key, name: word, addresses }));
const part = fc.double({ min: 0, max: 1, noNaN: true });
const link = fc.record({ neighbour: key, rtt: part, loss: part, load: part, sent: count, forwarded: count });
const app = { name: word, type: word };

it('takes nothing of another end that has not its shape', () => {
  const shapes = shapesTake({
    hello: [
      messages.helloShape,
      fc.record({ name: word, version: word, addresses, rules: few(rule), list: count }),
    ],
    welcome: [
      messages.welcomeShape,
      fc.record({ domain: word, reportMs: fc.integer({ min: 1, max: 1_000 }), peers, members: word }),
    ],
    links: [messages.linkReportsShape, fc.record({ links: few(link), inUse: few(path) })],
    close: [messages.circuitNamedShape, fc.record({ circuit })],
    open: [messages.circuitWantedShape, fc.record({ circuit, to: key })],
    apps: [messages.appsHereShape, fc.record({ apps: few(fc.record(app)) })],
    refused: [messages.appsRefusedShape, fc.record({ refused: few(word) })],
    wanted: [messages.appsWantedShape, fc.record(app)],
    found: [messages.appsFoundShape, fc.record({ apps: few(fc.record({ ...app, node: key })) })],
    show: [messages.showWantedShape, fc.record({ what: fc.constantFrom(...messages.shown) })],
    peers: [messages.peersShape, fc.record({ peers })],
    rules: [messages.rulesShape, fc.record({ rules: few(rule) })],
    paths: [messages.pathsShape, fc.record({ paths: few(path) })],
    members: [messages.memberListShape, fc.record({ members: word })],
  });
  fc.assert(shapes, fuzzRuns('control-messages', 100_000));
});

it('changes what is right in one place and another', () => {
  const changed = fc
    .sample(nearly(fc.constant({ rules: [{ path: 1 }] })), 200)
    .map((each) => JSON.stringify(each));
  expect(changed).toContain('{"rules":[{}]}');
  expect(changed).toContain('{"rules":[]}');
  expect(changed).toContain('{}');
  expect(changed.some((each) => /^\{"rules":\[\{"path":(?!1\b)/.test(each))).toBe(true);
});

it('has room in a message for all rules that a node may have', () => {
  const key = 'f'.repeat(64);
  const last = { neighbour: key, label: maxLabel };
  const name = { circuit: 'f'.repeat(32), path: 2 ** 31 };
  const longest = [
    { ...name, left: last, right: last },
    { ...name, peer: key, opener: false, weight: 1_234_567.891_234_567, next: last },
  ];
  for (const rule of longest) {
    const addresses = Array(messages.limits.addresses).fill('x'.repeat(messages.limits.addressLength));
    const hello = {
      name: 'n',
      version: '1',
      addresses,
      list: 1,
      rules: Array(messages.limits.rules).fill(rule),
    };
    const call = { jsonrpc: '2.0', id: 1, method: messages.managerMethods.hello, params: hello };
    expect(messages.helloShape.parse(hello).rules).toHaveLength(messages.limits.rules);
    expect(Buffer.byteLength(JSON.stringify(call))).toBeLessThan(messages.limits.messageBytes);
  }
});

it('takes no time between reports that no timer can wait', () => {
  const welcome = { domain: 'mesh.test', peers: [], reportMs: 3_600_000 };
  expect(messages.welcomeShape.parse(welcome)).toMatchObject(welcome);
  expect(() => messages.welcomeShape.parse({ ...welcome, reportMs: 2 ** 31 })).toThrow('reportMs: expected');
});
