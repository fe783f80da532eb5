import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { meshTable } from '../../../../services/viscript/commands/mesh-tables.ts';
import { runCommand } from '../../../../services/viscript/commands/table.ts';
import type { Supervisor } from '../../../../services/viscript/supervisor/supervisor.ts';
import { launch } from '../../mesh/program.ts';
import { joinedNodes, startApp, type TestNode } from '../../node/apps/joined.ts';
import { startSupervisor } from '../support.ts';

const config = ({ node }: TestNode) => `
apps:
  node0: { path: meshnet-node, default_args: ["-", "manager", "true", "${node}"] }
  meshnet-echo: { path: meshnet-echo, restart: "no" }
  meshnet-forward: { path: meshnet-forward }
`;

async function supervise(yaml: string): Promise<Supervisor> {
  const started = await startSupervisor(yaml);
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started.supervisor;
}

/** Nobody types. */
async function* nothing(): AsyncGenerator<string> {
  yield* [];
}

async function run(supervisor: Supervisor, ...argv: string[]) {
  const output = { stdout: '', stderr: '' };
  const machine = {
    ...{ version: '0', host: 'here', slot: undefined, slotReason: undefined, lastEnd: undefined },
    ...{ uptime: () => 0, troubles: async () => [] },
    temperatures: async () => [],
    slots: async () => undefined,
  };
  const status = await runCommand(argv, {
    ...{ supervisor, machine, json: false, color: false, columns: 0, input: nothing() },
    signal: new AbortController().signal,
    bytes: () => undefined,
    drained: async () => undefined,
    quit: () => undefined,
    write(stream, written) {
      output[stream] += written;
    },
  });
  return { status, ...output };
}

describe('mesh', () => {
  it('asks the node of this machine, or the one that is named', async () => {
    const [here, there] = await joinedNodes();
    const supervisor = await supervise(config(here));
    const keys = `[{"key":"${here.key}"},{"key":"${there.key}"}]\n`;
    expect(await run(supervisor, 'mesh', 'nodes', '--json')).toMatchObject({ status: 0, stdout: keys });
    const asked = await run(supervisor, 'mesh', 'nodes', '--json', '--node', there.node);
    expect(asked).toMatchObject({ status: 0, stdout: keys });
  });

  it('says what is wrong', async () => {
    const supervisor = await supervise('apps: {}\n');
    expect(await run(supervisor, 'mesh', 'all')).toMatchObject({
      status: 2,
      stderr: "mesh: there is no 'all'; give nodes, links, routes, circuits, apps, members\n",
    });
    expect(await run(supervisor, 'mesh', 'nodes')).toMatchObject({
      status: 1,
      stderr: 'no node is known here; start meshnet-node, or name one with --node ADDR\n',
    });
    const unreachable = await run(supervisor, 'mesh', 'nodes', '--node', '/nowhere/node.sock');
    expect(unreachable).toMatchObject({ status: 1 });
    expect(unreachable.stderr).toContain('no node answers on /nowhere/node.sock');
  });

  it('lets no answer steer the terminal', async () => {
    const refusal = JSON.stringify({ error: 'refused', message: 'not\x1b[2J\x9b2J you' });
    const node = createServer((socket) => socket.resume().end(`${refusal}\n`)).listen(0, '127.0.0.1');
    onTestFinished(() => void node.close());
    await once(node, 'listening');
    const address = `127.0.0.1:${(node.address() as AddressInfo).port}`;
    const supervisor = await supervise('apps: {}\n');
    expect(await run(supervisor, 'mesh', 'nodes', '--node', address)).toMatchObject({
      status: 1,
      stderr: 'not�[2J�2J you\n',
    });
    const { stderr } = await run(supervisor, 'mesh', 'nodes', '--json', '--node', address);
    expect(stderr).toMatch(/^\P{Cc}+\n$/u);
    expect(JSON.parse(stderr).error.message).toBe('not\x1b[2J\x9b2J you');
  });
});

describe('the tables of the mesh', () => {
  const key = 'ab12cd34'.padEnd(64, '0');
  const circuit = 'ef56ab78'.padEnd(32, '0');
  const since = '2026-01-31T12:00:00.000Z';

  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(since) + 65_500 }));
  afterEach(() => void vi.useRealTimers());

  it.each([
    [
      'nodes',
      [
        { name: 'one', key, addresses: ['10.0.0.1:5000'], since, version: '1', links: 2 },
        { name: 'two', key, addresses: [], since: null, version: null, links: 0 },
      ],
      `NODE  KEY       LINKS  CONNECTED  VERSION  ADDRESSES
one   ab12cd34  2      1m 5s      1        10.0.0.1:5000
two   ab12cd34  0      no         -        behind a router
`,
    ],
    [
      'links',
      [
        {
          ...{ names: ['one', 'two'], keys: [key, key], rtt: 0.00123, loss: 0.012, load: 0.5, weight: 1 },
          ...{ sent: [1_024, 0], forwarded: [0, 0] },
        },
      ],
      `LINK       ROUND TRIP  LOSS   LOAD  SENT THERE  AND BACK
one - two  1.23ms      1.2 %  50 %  1.0 KiB     0 B
`,
    ],
    [
      'routes',
      [
        {
          circuit,
          path: 1,
          names: ['one', 'two'],
          keys: [key, key],
          weight: 1_500,
          inUse: true,
          kind: 'single',
        },
        { circuit, path: 2, names: ['one', 'two'], keys: [key, key], weight: null, inUse: false, kind: null },
      ],
      `CIRCUIT   PATH  STATE   WEIGHT  KIND    BY WAY OF
ef56ab78  1     in use  1.50ms  single  one - two
ef56ab78  2     warm    cut     -       one - two
`,
    ],
    [
      'circuits',
      [{ circuit, from: 'one', to: 'two', fromKey: key, toKey: key, paths: 2, since, state: 'open' }],
      `CIRCUIT   FROM  TO   PATHS  KNOWN FOR  STATE
ef56ab78  one   two  2      1m 5s      open
`,
    ],
    [
      'apps',
      [{ name: 'echo0', type: 'echo', node: '\x1b]0;one', key }],
      `APP    TYPE  NODE     KEY
echo0  echo  \ufffd]0;one  ab12cd34
`,
    ],
    ['apps', [], 'there are no apps\n'],
  ] as const)('show %s', (what, rows, expected) => {
    expect(meshTable(what, rows)).toBe(expected);
  });

  it('refuse rows of another shape', () => {
    expect(() => meshTable('links', [{ names: ['a', 'b'], rtt: 0, loss: 0, load: 0, sent: 3 }])).toThrow(
      '0: expected a number',
    );
  });
});

describe('echo', () => {
  it('measures the way to an app and back', async () => {
    const [here, there] = await joinedNodes();
    const supervisor = await supervise(config(here));
    await startApp(there, 'mirror', { onStream: (stream) => pipeline(stream, stream) });
    const { status, stdout, stderr } = await run(supervisor, 'echo', '-n', '2', 'mirror');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^(64 bytes back from mirror at [0-9a-f]{8}: [\d.]+ms\n){2}min .*, max .*\n$/);
    expect(supervisor.launches).toEqual([]);
  });

  it('fails with the reason', async () => {
    const [here] = await joinedNodes();
    const supervisor = await supervise(config(here));
    const { status, stdout, stderr } = await run(supervisor, 'echo', 'nobody');
    expect(status).toBe(1);
    expect(stdout).toContain('meshnet-echo: there is no nobody');
    expect(stderr).toBe('meshnet-echo exited with code 1\n');
  });
});

describe('forward', () => {
  it('starts the end that is connected to', async () => {
    const [here, there] = await joinedNodes();
    const supervisor = await supervise(config(here));
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const exit = launch('services/forward/main.ts', ['out', there.node, '--to', `127.0.0.1:${port}`]);
    await exit.line();
    const { status, stdout } = await run(supervisor, 'forward', '0', 'out');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Added external app \(ID: 1, Command: meshnet-forward forward-[0-9a-f]{8} /);
    const [forward] = supervisor.launches;
    if (!forward) throw new Error('nothing was started');
    while (forward.state !== 'ready') await once(forward, 'change');
    const [, taken] = /^127\.0\.0\.1:(\d+) /.exec(forward.output.last(1)[0]?.text ?? '') ?? [];
    expect(await text(connect(Number(taken), '127.0.0.1'))).toBe('hello');
  });
});
