import { once } from 'node:events';
import { expect, it } from 'vitest';
import { urlOfSocket } from '../../../services/signal/index.ts';
import { startServer as startSignal, untilReady } from '../signal/support.ts';
import { launch, needTunnels, networkState, startLab, startNodes } from './rig.ts';

it('both ends say under viscript when they serve, are measured, and undo all when asked to end', async (context) => {
  needTunnels(context);
  const lab = startLab();
  const nodes = await startNodes(2);
  const own = ['--allowed-ips', '10.99.0.0/24, fd73:6b79:7769::/64'];
  const words = { server: own, client: ['--kill-switch', '--exclude', '198.18.0.0/15'] };
  const ends = [];
  for (const [at, program] of (['server', 'client'] as const).entries()) {
    const signal = await startSignal();
    const host = await lab.host(program);
    const before = await networkState(host);
    const name = program === 'server' ? 'vpnsrv0' : 'vpncli0';
    const app = await launch(host, program, [name, nodes[at]?.node ?? '', ...words[program]], {
      env: {
        PATH: process.env.PATH,
        STATE_DIRECTORY: signal.path.replace(/[^/]*$/, ''),
        ...{ SIGNAL_URL: urlOfSocket(signal.path), SIGNAL_CLIENT_ID: '1', SIGNAL_TOKEN: 'first-1' },
      },
    });
    const session = await signal.session();
    const [[metrics]] = await Promise.all([once(session, 'metrics'), untilReady(session)]);
    expect(metrics).toMatchObject({ sentPackets: expect.any(Number), droppedPackets: 0 });
    ends.push({ app, session, host, before });
  }
  const [, client] = ends;
  await client?.app.line(/^connected to vpnsrv0/);
  for (const { app, session, host, before } of ends.toReversed()) {
    await session.shutdown(10_000);
    expect(await app.exited, app.said()).toBe(0);
    expect(await networkState(host)).toEqual(before);
  }
});
