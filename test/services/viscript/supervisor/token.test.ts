import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LaunchToken } from '../../../../services/viscript/supervisor/token.ts';
import { RawClient } from '../../signal/support.ts';
import { inState, signalApp, startSupervisor } from '../support.ts';

describe('the token of a launch', () => {
  it('is good once, and once more only when nobody is connected', () => {
    const token = new LaunchToken();
    const first = token.current;
    const second = token.exchange(first, false);
    expect(second).toMatch(/^[0-9a-f]{64}$/);
    expect(second).not.toBe(first);
    expect(token.exchange(first, true)).toBeUndefined();
    // The answer with the second one was lost with the connection.
    const third = token.exchange(first, false);
    expect(token.exchange(second ?? '', false)).toBeUndefined();
    expect(token.exchange(third ?? '', false)).toBe(token.current);
  });

  it('lets no process register with a token that is not its own', async () => {
    await using test = await startSupervisor(`apps: { app: { path: ${signalApp}, daemon: true } }`);
    const launch = await test.supervisor.launch('app', []);
    await inState(launch, 'ready');
    const session = launch.session;
    for (const guess of ['', '0'.repeat(64), `${launch.token}0`]) {
      const client = await RawClient.open(join(test.folder, 'signal.sock'));
      expect(await client.register(launch.id, guess)).toMatchObject({ error: { code: -32_001 } });
      await client.closed;
    }
    expect(launch.session).toBe(session);
    expect(await session?.ping()).toBeGreaterThan(0);
  });
});
