import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { linesPerMinute } from '../../../services/program/log-limit.ts';
import { urlOfSocket } from '../../../services/signal/index.ts';
import { scratchFolder, startServer, untilReady } from '../signal/support.ts';
import type { NodeClient } from './node-client.ts';
import { launchManager, link, Rack } from './support.ts';

describe('meshnet-nm on the command line', () => {
  it.each([
    [[], /three arguments are expected, not 0/],
    [['mesh.net', '127.0.0.1:0'], /three arguments are expected, not 2/],
    [['mesh.net', 'nowhere', '-'], /CTRLADDR: "nowhere" is no address/],
    [['mesh.net', '0', 'nowhere'], /APPTRACKERADDR: "nowhere" is no address/],
    [['-.-', '0', '-'], /Unknown option|DOMAIN/],
    [['mesh net', '0', '-'], /DOMAIN "mesh net" is no name/],
    [['mesh.net', '0', '-', '--peer', 'abc'], /--peer: 'abc' is no key/],
    [['mesh.net', '0', '-', '--members', '/x'], /--members and --rack belong together/],
    [['mesh.net', '0', '-', '--colour', 'red'], /Unknown option '--colour'/],
  ])('refuses %j with status 2', async (args, problem) => {
    const manager = launchManager(args);
    await manager.line(problem);
    await manager.line(/give meshnet-nm DOMAIN CTRLADDR APPTRACKERADDR/);
    expect(await manager.exited).toEqual({ code: 2, signal: null });
  });

  it('explains itself', async () => {
    const manager = launchManager(['--help']);
    await manager.line(/^meshnet-nm DOMAIN CTRLADDR APPTRACKERADDR/);
    expect(await manager.exited).toEqual({ code: 0, signal: null });
  });

  it('does not let whoever knocks fill its log', async () => {
    const manager = launchManager(['mesh.net', '0', '-'], { STATE_DIRECTORY: await scratchFolder() });
    const port = Number(/:(\d+)$/.exec(await manager.line(/^listening as/))?.[1]);
    const knocks = linesPerMinute + 7;
    for (let knock = 0; knock < knocks; knock++) {
      const stranger = connect(port, '127.0.0.1', () => stranger.end('\0\0nothing of the kind'));
      await once(stranger.resume(), 'close');
    }
    await manager.line(/^refused: the other end announces/);
    manager.child.kill('SIGTERM');
    await manager.line(/^refused: 7 more lines were left out$/);
    expect(await manager.exited).toEqual({ code: 0, signal: null });
  });

  it('takes the form of the originals, and keeps its identity where its state is', async () => {
    const folder = await scratchFolder();
    const manager = launchManager(['mesh.net', '0', '127.0.0.1:1'], { STATE_DIRECTORY: folder });
    const line = await manager.line(/^listening as [0-9a-f]{64}@127\.0\.0\.1:\d+$/);
    manager.child.kill('SIGTERM');
    expect(await manager.exited).toEqual({ code: 0, signal: null });
    const again = launchManager(['mesh.net', '0', '-'], { STATE_DIRECTORY: folder });
    expect((await again.line(/^listening as/)).slice(0, 77)).toBe(line.slice(0, 77));
  });

  it.each([
    [['--key', '/dev/null'], /not a file/],
    [['--members', '/nowhere/members', '--rack', '0'.repeat(64)], /\/nowhere\/members: ENOENT/],
  ])('fails with status 1 for %j', async (args, problem) => {
    const manager = launchManager(['mesh.net', '0', '-', ...args], {
      STATE_DIRECTORY: await scratchFolder(),
    });
    await manager.line(problem);
    expect(await manager.exited).toEqual({ code: 1, signal: null });
  });

  it('fails with status 1 when its port is taken', async () => {
    const rack = await Rack.start(0);
    const second = launchManager(['mesh.net', rack.address, '-', '--key', rack.keyFile]);
    await second.line(/the address is in use already/);
    expect(await second.exited).toEqual({ code: 1, signal: null });
  });
});

describe('meshnet-nm under viscript', () => {
  it('says when it serves and by which name, is measured, and drains when asked to', async () => {
    const { path, session } = await startServer();
    const manager = launchManager(['mesh.net', '0', '-'], {
      ...{ STATE_DIRECTORY: await scratchFolder(), SIGNAL_URL: urlOfSocket(path) },
      ...{ SIGNAL_CLIENT_ID: '1', SIGNAL_TOKEN: 'first-1' },
    });
    const registered = await session();
    const [[status], [metrics]] = await Promise.all([
      once(registered, 'status'),
      once(registered, 'metrics'),
      untilReady(registered),
    ]);
    expect(status).toMatch(/^listening as [0-9a-f]{64}@127\.0\.0\.1:\d+$/);
    expect(metrics).toEqual({ nodes: 0, links: 0, circuits: 0, apps: 0 });
    await registered.shutdown(2_000);
    expect(await manager.exited).toEqual({ code: 0, signal: null });
  });
});

describe('figures for Prometheus', () => {
  it('tell of nodes, links, circuits and bytes, on loopback when only a port is given', async () => {
    const rack = await Rack.start(2, { args: ['--metrics', '0'] });
    const line = (await rack.process?.line(/^figures on http:\/\/127\.0\.0\.1:\d+\/metrics$/)) ?? '';
    const nodes = (await rack.nodes()) as [NodeClient, NodeClient];
    await link(nodes, [[0, 1]]);
    nodes[0].setLink(nodes[1], { rtt: 0.0125, loss: 0.5, sent: 1_000, forwarded: 600 });
    await nodes[0].report();
    await nodes[0].open(nodes[1]);
    const url = line.replace('figures on ', '');
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const lines = (await response.text()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'skywire_nodes 2',
        'skywire_links 1',
        'skywire_circuits 1',
        '# TYPE skywire_link_rtt_seconds gauge',
        'skywire_link_rtt_seconds{from="board0",to="board1"} 0.0125',
        'skywire_link_loss_ratio{from="board0",to="board1"} 0.5',
        '# TYPE skywire_forwarded_bytes_total counter',
        'skywire_forwarded_bytes_total{from="board0",to="board1"} 600',
        'skywire_forwarded_bytes_total{from="board1",to="board0"} 0',
      ]),
    );
    expect((await fetch(url.replace('metrics', 'secrets'))).status).toBe(404);
  });
});
