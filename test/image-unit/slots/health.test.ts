import { describe, expect, it } from 'vitest';
import { type AppLook, Health, type Look, type SupervisorLook } from '../../../image/slots/health.ts';
import { NoSupervisor } from '../../../services/viscript/control/client.ts';

const MINUTE = 60_000;
const app = (name: string, changes: Partial<AppLook> = {}): AppLook => ({
  ...{ app: name, state: 'ready', restarts: 0, pid: 7, lastExit: undefined, endedWell: false },
  ...changes,
});
const port = (link: boolean, address: boolean) => ({ name: 'eth0', link, address });
const supervisor = (changes: Partial<SupervisorLook> = {}): SupervisorLook => ({
  ...{ pid: 1, autostart: ['node'], apps: [app('node')], over: [] },
  ...changes,
});
const look = (changes: Partial<SupervisorLook> = {}, ports = [port(true, true)]): Look => ({
  supervisor: supervisor(changes),
  ports,
});

function health(network: string[] = []): Health {
  return new Health({ calmMs: MINUTE, network });
}

describe('a board on trial', () => {
  it('is in order when all was well for a minute', () => {
    const judge = health(['eth0']);
    expect(judge.take(look(), 5000)).toEqual({ about: 'time', text: 'all was well for 0 s alone' });
    expect(judge.take(look(), 4999 + MINUTE)).toMatchObject({ about: 'time' });
    expect(judge.take(look(), 5000 + MINUTE)).toBeUndefined();
  });

  it('begins its minute anew when the supervisor, an app, or an app’s process is another one', () => {
    const changes: [Partial<SupervisorLook>, RegExp][] = [
      [{ pid: 2 }, /before that: the supervisor was started again \(process 2\)/],
      [{ apps: [app('node', { restarts: 1 })] }, /app node was started again \(process 7, restart 1\)/],
      [{ apps: [app('node', { pid: 8 })] }, /app node was started again \(process 8/],
    ];
    for (const [change, text] of changes) {
      const judge = health();
      judge.take(look(), 0);
      expect(judge.take(look(change), MINUTE)?.text).toMatch(text);
      expect(judge.take(look(change), 2 * MINUTE - 1)).toMatchObject({ about: 'time' });
      expect(judge.take(look(change), 2 * MINUTE)).toBeUndefined();
    }
  });

  it('is not in order while an app that starts by itself is not ready, and names it', () => {
    const state = (each: Partial<AppLook>) => ({ apps: [app('node', each)] });
    expect(health().take(look(state({ state: 'starting' })), MINUTE)).toEqual({
      about: { app: 'node' },
      text: 'app node is starting, not ready',
    });
    expect(health().take(look(state({ state: 'failing', lastExit: 'exited with code 1' })), 0)?.text).toBe(
      'app node is failing, not ready; it exited with code 1',
    );
    expect(health().take(look({ apps: [] }), 0)?.text).toBe('app node was never started');
    const ended = { apps: [], over: [app('node', { state: 'exited', lastExit: 'was ended by SIGKILL' })] };
    expect(health().take(look(ended), 0)?.text).toBe('app node was ended by SIGKILL');
  });

  it('asks nothing of an app that has done its work, was stopped by somebody, or does not start by itself', () => {
    const judge = health();
    const done = { apps: [app('other', { state: 'failing' })], over: [app('node', { endedWell: true })] };
    expect(judge.take(look(done), 0)).toMatchObject({ about: 'time' });
    expect(judge.take(look({ ...done, apps: [app('other', { restarts: 5 })] }), MINUTE)).toBeUndefined();
  });

  it('has to be on a network when the version before was, and not else', () => {
    const judge = (network: string[], ports: ReturnType<typeof port>[]) =>
      health(network).take(look({}, ports), 0);
    expect(judge(['eth0'], [port(true, false)])?.text).toMatch(
      /^no network: no address on eth0.*; the version before had one on eth0$/,
    );
    expect(judge(['eth0'], [port(false, false)])?.text).toMatch(/no link on eth0/);
    expect(judge(['eth0'], [])?.text).toMatch(/^no network: this board has no network port/);
    for (const ports of [[], [port(false, false)], [port(true, false)]])
      expect(judge([], ports)).toMatchObject({ about: 'time' });
  });

  it('is not in order when its supervisor does not answer, and a minute begins anew after it', () => {
    const judge = health();
    judge.take(look(), 0);
    expect(
      judge.take({ supervisor: new NoSupervisor('/run/x', new Error('ENOENT')), ports: [] }, 30_000),
    ).toEqual({
      about: 'supervisor',
      text: 'the supervisor did not run',
    });
    expect(health().take({ supervisor: new Error('no answer'), ports: [] }, 0)?.text).toBe(
      'the supervisor did not answer as it should (no answer)',
    );
    expect(judge.take(look(), MINUTE)?.text).toBe(
      'all was well for 0 s alone; before that: the supervisor did not run',
    );
  });
});
